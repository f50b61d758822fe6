// Sends HEAD requests over connections that stay open, as fast as the servers answer: what nobody can beat.
//
// usage: head_loop CONNECTIONS < REQUESTS      REQUESTS has lines "PORT PATH"; all ports are on 127.0.0.1
// Each port gets CONNECTIONS connections, all ports at the same time. Fails unless every answer is 200.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { maxPorts = 8, maxConnections = 256 };

typedef struct {
    int port;
    char **paths;
    int count, capacity;
    atomic_int next;
} Server;

static Server servers[maxPorts];
static int serverCount;

static void fail(const char *what, const char *which) {
    fprintf(stderr, "head_loop: %s: %s\n", what, which);
    exit(1);
}

static Server *serverAt(int port) {
    for (int i = 0; i < serverCount; i++)
        if (servers[i].port == port) return &servers[i];
    if (serverCount == maxPorts) fail("too many ports", "");
    servers[serverCount].port = port;
    return &servers[serverCount++];
}

static void addPath(Server *server, const char *path) {
    if (server->count == server->capacity) {
        server->capacity = server->capacity ? 2 * server->capacity : 1024;
        server->paths = realloc(server->paths, server->capacity * sizeof *server->paths);
        if (server->paths == NULL) fail("no memory", "");
    }
    server->paths[server->count++] = strdup(path);
}

static int connectTo(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int connection = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    if (connect(connection, (struct sockaddr *)&address, sizeof address) != 0) fail("cannot connect", "");
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return connection;
}

// The answer to a HEAD is a block of headers and nothing else.
static void ask(int connection, int port, const char *path) {
    char buffer[8192];
    int length = snprintf(
        buffer, sizeof buffer,
        "HEAD %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: application/vnd.oci.image.manifest.v1+json\r\n"
        "Accept: application/vnd.oci.image.index.v1+json\r\n\r\n",
        path, port);
    if (write(connection, buffer, length) != length) fail("cannot send", path);
    int filled = 0;
    do {
        int bytes = read(connection, buffer + filled, sizeof buffer - 1 - filled);
        if (bytes <= 0) fail("no answer", path);
        filled += bytes;
        buffer[filled] = 0;
    } while (strstr(buffer, "\r\n\r\n") == NULL);
    if (strncmp(buffer, "HTTP/1.1 200 ", 13) != 0) fail(path, buffer);
}

static void *runConnection(void *argument) {
    Server *server = argument;
    int connection = connectTo(server->port), i;
    while ((i = atomic_fetch_add(&server->next, 1)) < server->count) ask(connection, server->port, server->paths[i]);
    close(connection);
    return NULL;
}

int main(int count, char **arguments) {
    int connections = count == 2 ? atoi(arguments[1]) : 0, port;
    char path[1024];
    if (connections < 1 || connections > maxConnections) return 64;
    while (scanf("%d %1023s", &port, path) == 2) addPath(serverAt(port), path);

    pthread_t threads[maxPorts * maxConnections];
    int started = 0;
    for (int i = 0; i < serverCount; i++)
        for (int j = 0; j < connections; j++)
            if (pthread_create(&threads[started++], NULL, runConnection, &servers[i]) != 0) fail("no thread", "");
    for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
    return 0;
}

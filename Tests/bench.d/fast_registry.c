// A registry that only answers what it was given beforehand: much faster than docker-registry, so that the tools are what takes time.
//
// usage: fast_registry PORT ANSWERS
// ANSWERS has for each path, in the order of their bytes: a line "PATH HEADER-LENGTH BODY-LENGTH", then the header and the body, then a newline.
// A path's query is passed over. Anything else is answered with 404.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    char *path, *bytes;
    size_t header, body;
} Answer;

static Answer *answers;
static size_t answerCount;
static char notFound[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

static void load(const char *path) {
    FILE *file = fopen(path, "rb");
    char name[1024];
    Answer answer;
    size_t capacity = 0;
    if (file == NULL) exit(66);
    while (fscanf(file, "%1023s %zu %zu", name, &answer.header, &answer.body) == 3 && fgetc(file) == '\n') {
        size_t length = answer.header + answer.body;
        answer.path = strdup(name);
        answer.bytes = malloc(length);
        if (answer.bytes == NULL || fread(answer.bytes, 1, length, file) != length) exit(65);
        if (answerCount == capacity) answers = realloc(answers, (capacity = 2 * capacity + 1024) * sizeof *answers);
        answers[answerCount++] = answer;
    }
    fclose(file);
}

static int compare(const void *path, const void *answer) { return strcmp(path, ((const Answer *)answer)->path); }

static int sendAll(int connection, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = write(connection, bytes, length);
        if (sent <= 0) return 0;
        bytes += sent;
        length -= sent;
    }
    return 1;
}

// `request` is a whole block of headers. GET and HEAD have no body.
static int answer(int connection, char *request) {
    char *path = strchr(request, ' '), *end = path ? strpbrk(path + 1, " ?") : NULL;
    if (end == NULL) return 0;
    *end = 0;
    const Answer *found = bsearch(path + 1, answers, answerCount, sizeof *answers, compare);
    if (found == NULL) return sendAll(connection, notFound, sizeof notFound - 1);
    int isHead = strncmp(request, "HEAD ", 5) == 0;
    return sendAll(connection, found->bytes, found->header + (isHead ? 0 : found->body));
}

static void *serve(void *argument) {
    int connection = (int)(intptr_t)argument, yes = 1;
    char buffer[16384];
    size_t filled = 0;
    ssize_t bytes;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    while ((bytes = read(connection, buffer + filled, sizeof buffer - 1 - filled)) > 0) {
        filled += bytes;
        buffer[filled] = 0;
        char *request = buffer, *end;
        while ((end = strstr(request, "\r\n\r\n")) != NULL) {
            *end = 0;
            if (!answer(connection, request)) goto done;
            request = end + 4;
        }
        filled -= request - buffer;
        memmove(buffer, request, filled);
    }
done:
    close(connection);
    return NULL;
}

int main(int count, char **arguments) {
    if (count != 3) return 64;
    signal(SIGPIPE, SIG_IGN);
    load(arguments[2]);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1, connection;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 256) != 0) return 71;
    while ((connection = accept(listener, NULL, NULL)) >= 0) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)connection) != 0) return 71;
        pthread_detach(thread);
    }
    return 71;
}

// Runs a command and writes down what it took: wall time, CPU time (user and system), peak memory, exit code.
// A small program of its own, since the peak of a child begins at the size of the process that starts it.
//
// usage: measure RESULT COMMAND [ARGUMENT]...      RESULT gets "SECONDS CPU-SECONDS PEAK-KIB EXIT-CODE"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t child;

// Hands an end that is asked for on to the command.
static void forward(int signal) { kill(child, signal); }

static double seconds(struct timeval time) { return time.tv_sec + time.tv_usec / 1e6; }

int main(int count, char **arguments) {
    if (count < 3) return 64;
    struct timespec start, end;
    struct rusage usage;
    int status;

    clock_gettime(CLOCK_MONOTONIC, &start);
    child = fork();
    if (child < 0) return 71;
    if (child == 0) {
        execvp(arguments[2], arguments + 2);
        perror(arguments[2]);
        _exit(127);
    }
    signal(SIGTERM, forward);
    signal(SIGINT, forward);
    while (wait4(child, &status, 0, &usage) < 0) continue;
    clock_gettime(CLOCK_MONOTONIC, &end);

    FILE *result = fopen(arguments[1], "w");
    if (result == NULL) return 73;
    double wall = (end.tv_sec - start.tv_sec) + (end.tv_nsec - start.tv_nsec) / 1e9;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    fprintf(result, "%.6f %.6f %ld %d\n", wall, seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss, code);
    return fclose(result) == 0 ? 0 : 74;
}

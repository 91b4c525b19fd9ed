/*
 * drive: runs CNI executables the way a container runtime does, and tells how long that took.
 *
 *   drive JOBS PARALLEL PAUSE_MS
 *
 * JOBS is a text file of runs. A run is one operation on one sandbox: its execs go one after the other.
 *
 *   run LABEL
 *   exec EXECUTABLE STDIN_FILE
 *   env NAME=VALUE                 for the exec above it
 *
 * PARALLEL runs are under way at once, begun in the order of the file; after each that ends there is a pause of PAUSE_MS.
 * Prints a line for each run when it has ended, times in microseconds of CLOCK_MONOTONIC:
 *
 *   LABEL BEGIN WALL CPU
 *
 * The first exec that fails ends the whole: its output goes to stderr and the exit status is 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_VARIABLES 15
/* Executables whose output does not fit into a pipe would block: it is read when they have ended. */
#define MOST_OUTPUT 65536

struct exec { char *executable, *input, *env[MOST_VARIABLES + 1]; int variables; };
struct run { char *label; struct exec *execs; int count; };
/* A run under way. */
struct slot { struct run *run; int current; pid_t pid; int output; long begin, cpu; };

static struct run *runs;
static int run_count;
static struct slot *slots;
static int running;

static void fail(const char *what, const char *which)
{
    fprintf(stderr, "drive: %s: %s\n", what, which);
    exit(1);
}

static long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

/* One more element at the end, zeroed. */
static void *grown(void *array, int count, size_t size)
{
    char *block = realloc(array, (size_t)(count + 1) * size);
    if (!block) fail("memory", strerror(errno));
    memset(block + (size_t)count * size, 0, size);
    return block;
}

static void read_jobs(const char *path)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    if (!file) fail(path, strerror(errno));
    while ((length = getline(&line, &capacity, file)) > 0) {
        struct run *run = run_count ? &runs[run_count - 1] : NULL;
        struct exec *exec = run && run->count ? &run->execs[run->count - 1] : NULL;
        line[length - 1] = 0;
        if (!strncmp(line, "run ", 4)) {
            runs = grown(runs, run_count, sizeof *runs);
            runs[run_count++].label = strdup(line + 4);
        } else if (run && !strncmp(line, "exec ", 5)) {
            run->execs = grown(run->execs, run->count, sizeof *run->execs);
            exec = &run->execs[run->count++];
            exec->executable = strdup(line + 5);
            exec->input = strchr(exec->executable, ' ');
            if (!exec->input) fail("no input", line);
            *exec->input++ = 0;
        } else if (exec && !strncmp(line, "env ", 4) && exec->variables < MOST_VARIABLES) {
            exec->env[exec->variables++] = strdup(line + 4);
        } else fail("not understood", line);
    }
    free(line);
    fclose(file);
}

static void start_exec(struct slot *slot)
{
    struct exec *exec = &slot->run->execs[slot->current];
    posix_spawn_file_actions_t actions;
    int output[2], input = open(exec->input, O_RDONLY | O_CLOEXEC);
    if (input < 0) fail(exec->input, strerror(errno));
    if (pipe2(output, O_CLOEXEC)) fail("pipe", strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, 0);
    posix_spawn_file_actions_adddup2(&actions, output[1], 1);
    posix_spawn_file_actions_adddup2(&actions, output[1], 2);
    if (!slot->begin) slot->begin = now();
    int error = posix_spawn(&slot->pid, exec->executable, &actions, NULL, (char *[]){exec->executable, NULL}, exec->env);
    if (error) fail(exec->executable, strerror(error));
    posix_spawn_file_actions_destroy(&actions);
    close(input);
    close(output[1]);
    slot->output = output[0];
}

static void refuse_failure(struct slot *slot, int status)
{
    static char said[MOST_OUTPUT];
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    ssize_t length = read(slot->output, said, sizeof said);
    fprintf(stderr, "drive: %s: %s ended with wait status 0x%x: %.*s\n", slot->run->label,
            slot->run->execs[slot->current].executable, (unsigned)status, (int)(length > 0 ? length : 0), said);
    exit(1);
}

/* Deals with one exec that has ended; with WNOHANG there may be none. */
static int reap(int flags, useconds_t pause)
{
    int status;
    struct rusage used;
    pid_t pid = wait4(-1, &status, flags, &used);
    long end = now();
    if (pid <= 0) return 0;
    struct slot *slot = slots;
    while (slot->pid != pid) slot++;
    refuse_failure(slot, status);
    close(slot->output);
    slot->cpu += (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
    if (++slot->current < slot->run->count) {
        start_exec(slot);
        return 1;
    }
    printf("%s %ld %ld %ld\n", slot->run->label, slot->begin, end - slot->begin, slot->cpu);
    *slot = slots[--running];
    if (pause) usleep(pause);
    return 1;
}

int main(int count, char **arguments)
{
    if (count != 4) fail("usage", "drive JOBS PARALLEL PAUSE_MS");
    int parallel = atoi(arguments[2]), next = 0;
    useconds_t pause = (useconds_t)atoi(arguments[3]) * 1000;
    if (parallel < 1) fail("not a number of runs", arguments[2]);
    read_jobs(arguments[1]);
    slots = calloc((size_t)parallel, sizeof *slots);
    if (!slots) fail("memory", strerror(errno));
    while (next < run_count || running) {
        if (next < run_count && running < parallel) {
            slots[running] = (struct slot){.run = &runs[next++]};
            start_exec(&slots[running++]);
            while (reap(WNOHANG, pause)) continue;
        } else reap(0, pause);
    }
    return 0;
}

/* A plugin that does what the name it is started under says. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* stdin to stdout, the environment to stderr. */
static int echoes(void)
{
    char chunk[65536];
    for (ssize_t n; (n = read(0, chunk, sizeof chunk)) > 0;)
        if (fwrite(chunk, 1, (size_t)n, stdout) != (size_t)n) return 9;
    for (char **variable = environ; *variable; variable++) fprintf(stderr, "%s\n", *variable);
    return 0;
}

/* What a process inherits without asking. */
static int describes(const char *self)
{
    char directory[4096];
    sigset_t blocked;
    int open_files = 0, ignored = 0, masked = 0;
    for (int fd = 0; fd < 1024; fd++) open_files += fcntl(fd, F_GETFD) >= 0;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    for (int number = 1; number < 32; number++) {
        struct sigaction action;
        ignored += sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL;
        masked += sigismember(&blocked, number);
    }
    printf("{\"self\":\"%s\",\"directory\":\"%s\",\"leadsItsGroup\":%s,\"openFiles\":%d,\"ignoredSignals\":%d,\"blockedSignals\":%d,\"umask\":%d}",
           self, getcwd(directory, sizeof directory), getpgid(0) == getpid() ? "true" : "false", open_files, ignored, masked, umask(0));
    return 0;
}

/* Tells the file $PIDS its own number and that of a child of its own, whole or not at all. */
static void tell_pids(pid_t child)
{
    char name[4096];
    snprintf(name, sizeof name, "%s.new", getenv("PIDS"));
    FILE *file = fopen(name, "w");
    fprintf(file, "[%d,%d]", getpid(), child);
    fclose(file);
    rename(name, getenv("PIDS"));
}

/* Never ends, and nor does its child; both shrug off what can be shrugged off. */
static int hangs(void)
{
    signal(SIGTERM, SIG_IGN);
    pid_t child = fork();
    if (child && getenv("PIDS")) tell_pids(child);
    for (;;) pause();
}

/* Never ends, and nor does its child, which has a session of its own. */
static int strays(void)
{
    pid_t child = fork();
    if (!child) setsid();
    if (child) tell_pids(child);
    for (;;) pause();
}

/* Never ends, and nor does what it started as daemons are started: a session of its own, and its parent has ended. */
static int spawns_daemon(void)
{
    int number[2];
    pid_t child = 0;
    if (pipe(number)) return 97;
    if (!fork()) {
        setsid();
        if (fork()) _exit(0);
        pid_t self = getpid();
        if (write(number[1], &self, sizeof self) != sizeof self) _exit(96);
        for (;;) pause();
    }
    if (read(number[0], &child, sizeof child) != sizeof child) return 96;
    tell_pids(child);
    for (;;) pause();
}

/* Ends well, but leaves a child behind that keeps stdout and stderr open. */
static int leaves(void)
{
    pid_t child = fork();
    if (!child)
        for (;;) pause();
    tell_pids(child);
    printf("left");
    return 0;
}

/* Lets any process trace it. */
static int clings(void)
{
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    tell_pids(0);
    for (;;) pause();
}

/* Traces the process $TRACED: even SIGKILL does not make it go, since its tracer hears of its end first and does not listen. */
static int traces(void)
{
    if (ptrace(PTRACE_SEIZE, atoi(getenv("TRACED")), 0, 0)) return 97;
    puts("traces");
    fflush(stdout);
    for (;;) pause();
}

static int floods(int fd)
{
    char chunk[65536];
    memset(chunk, 'x', sizeof chunk);
    while (write(fd, chunk, sizeof chunk) > 0) continue;
    return 0;
}

static int burns(void)
{
    volatile char *memory = malloc(32 << 20);
    for (int i = 0; i < 32 << 20; i += 4096) memory[i] = 1;
    for (volatile long i = 0; i < 20000000; i++) continue;
    return 0;
}

int main(int count, char **arguments)
{
    const char *name = strrchr(arguments[0], '/') + 1;
    if (count != 1) return 99;
    if (!strcmp(name, "echoes")) return echoes();
    if (!strcmp(name, "describes")) return describes(arguments[0]);
    if (!strcmp(name, "fails")) return puts("refused"), 3;
    if (!strcmp(name, "crashes")) return raise(SIGSEGV);
    if (!strcmp(name, "hangs")) return hangs();
    if (!strcmp(name, "strays")) return strays();
    if (!strcmp(name, "spawns-daemon")) return spawns_daemon();
    if (!strcmp(name, "leaves")) return leaves();
    if (!strcmp(name, "floods")) return floods(1);
    if (!strcmp(name, "floods-stderr")) return floods(2);
    if (!strcmp(name, "burns")) return burns();
    if (!strcmp(name, "clings")) return clings();
    if (!strcmp(name, "traces")) return traces();
    return 98;
}

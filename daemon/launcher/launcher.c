/*
 * plexus-launcher: starts CNI plugins for the daemon, tells network namespaces and their links apart, and runs programs there.
 *
 * Forking a daemon of some hundred megabytes takes longer than most plugins run; forking this takes no time at all.
 * It reads requests from stdin and writes replies to stdout; README.md has both as tables. One thread and one poll loop
 * serve any number of children. Read it from the bottom: main, then the loop, then what the loop calls.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* From linux/nsfs.h, linux/magic.h and linux/memfd.h, which musl does not bring along. */
#define NS_GET_NSTYPE _IO(0xb7, 0x3)
#define NSFS_MAGIC 0x6e736673
#define MFD_NOEXEC_SEAL 0x0008U
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define WIRE_VERSION 4
#define LARGEST_REQUEST (16u << 20)
#define LARGEST_OUTPUT (64u << 20)
#define MOST_STRINGS 1024
#define CHUNK 65536
/* Bounds every scan of the children. The daemon has its own, lower bounds; this one holds whatever it does. */
#define MOST_CHILDREN 4096
/* A killed process that is stuck in the kernel ends when the kernel lets go of it. Nobody waits longer than this. */
#define KILL_GRACE_MS 5000
#define NEVER INT64_MAX
#define MOST_KILLED 4096

enum op { RUN = 1, LOOK = 2, CANCEL = 3, RUN_IN_NETNS = 4, UNMOUNT = 5 };
enum kind {
    READY = 0, STARTED = 1, EXITED = 2, KILLED = 3, TIMED_OUT = 4, CANCELLED = 5, TOO_MUCH_OUTPUT = 6,
    NO_SUCH_PLUGIN = 7, CANNOT_EXECUTE = 8, CANNOT_START = 9,
    LOOKED = 10, CANNOT_OPEN_NETNS = 11, NOT_A_NETNS = 12, HOST_NETNS = 13,
};

/* Numbers travel as this machine keeps them, and both ends are on this machine. */
struct request { uint32_t id, op, timeout_ms, max_output, strings; };
struct reply { uint32_t length, id, kind, code, user_us, system_us, max_rss_kib, stdout_length; };

struct buffer { char *data; size_t length, capacity; };

struct child {
    uint32_t id;             /* of the request */
    pid_t pid;               /* of the process, and of the group it leads */
    int verdict;             /* pipe: what the child has to say if it does not become the plugin */
    int output[2];           /* pipes: stdout and stderr; -1 when they have ended */
    struct buffer said[2];   /* what came out of them */
    size_t max_output;
    int64_t deadline;
    enum kind fate;          /* why it was made to end; EXITED if it was not */
    uint32_t fate_code;
    bool answered;
};

static struct child *children;
static size_t child_count, child_capacity;
static struct buffer requests, replies;
static size_t replies_written;
static struct stat own_netns;
static int proc; /* /proc with this launcher's process numbers, which the host's mount namespace need not have */

/* ---- Killing a plugin and all it started ---- */

/* Appends the children of all threads of a process to the tree. */
static size_t add_children(pid_t pid, pid_t *tree, size_t count)
{
    char path[300];
    snprintf(path, sizeof path, "%d/task", pid);
    int task = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (task < 0) return count;
    DIR *threads = fdopendir(task);
    for (struct dirent *thread; threads && (thread = readdir(threads));) {
        snprintf(path, sizeof path, "%s/children", thread->d_name);
        int file = openat(task, path, O_RDONLY | O_CLOEXEC);
        FILE *children_of = file < 0 ? NULL : fdopen(file, "r");
        while (children_of && count < MOST_KILLED && fscanf(children_of, "%d", &tree[count]) == 1) count++;
        if (children_of) fclose(children_of);
    }
    if (threads) closedir(threads);
    return count;
}

/*
 * Only called for a child that has not been reaped: until then no other process can have its number. The child is a
 * subreaper, so that whatever it started is below it, sessions of their own and orphans included. A stopped process
 * forks no more. One that forked while it was being stopped shows in the next pass.
 */
static void kill_tree(pid_t root)
{
    static pid_t tree[MOST_KILLED];
    size_t count = 0, before;
    int passes = 0;
    do {
        before = count;
        tree[0] = root, count = 1;
        for (size_t i = 0; i < count; i++) {
            kill(tree[i], SIGSTOP);
            count = add_children(tree[i], tree, count);
        }
    } while (count != before && ++passes < 5);
    while (count-- > 1) kill(tree[count], SIGKILL);
    kill(-root, SIGKILL);
}

/* ---- Ends: no plugin outlives the launcher ---- */

__attribute__((format(printf, 2, 3)))
static _Noreturn void quit(int status, const char *why, ...)
{
    for (size_t i = 0; i < child_count; i++) kill_tree(children[i].pid);
    if (why) {
        va_list values;
        va_start(values, why);
        dprintf(STDERR_FILENO, "plexus-launcher: ");
        vdprintf(STDERR_FILENO, why, values);
        dprintf(STDERR_FILENO, "\n");
    }
    _exit(status);
}

/* ---- Memory: half of it handled is worse than a clean end, since the daemon starts another launcher ---- */

static void *resize(void *block, size_t size)
{
    void *resized = realloc(block, size);
    if (!resized) quit(1, "out of memory");
    return resized;
}

static char *room(struct buffer *buffer, size_t extra)
{
    size_t capacity = buffer->capacity ? buffer->capacity : 4096;
    while (capacity - buffer->length < extra) capacity *= 2;
    if (capacity != buffer->capacity) buffer->data = resize(buffer->data, buffer->capacity = capacity);
    return buffer->data + buffer->length;
}

static void append(struct buffer *buffer, const void *data, size_t length)
{
    if (length) memcpy(room(buffer, length), data, length);
    buffer->length += length;
}

/* Drops what has been dealt with; one big request must not keep its memory for ever. */
static void drop_front(struct buffer *buffer, size_t length)
{
    buffer->length -= length;
    if (buffer->length) memmove(buffer->data, buffer->data + length, buffer->length);
    else if (buffer->capacity > CHUNK) {
        free(buffer->data);
        *buffer = (struct buffer){0};
    }
}

/* ---- Replies: queued, so that a slow daemon delays nobody else ---- */

static void answer(uint32_t id, enum kind kind, uint32_t code, const struct rusage *used, const struct buffer said[2])
{
    struct reply reply = {.length = sizeof reply - sizeof reply.length, .id = id, .kind = kind, .code = code};
    if (used) {
        reply.user_us = (uint32_t)(used->ru_utime.tv_sec * 1000000 + used->ru_utime.tv_usec);
        reply.system_us = (uint32_t)(used->ru_stime.tv_sec * 1000000 + used->ru_stime.tv_usec);
        reply.max_rss_kib = (uint32_t)used->ru_maxrss;
    }
    if (said) {
        reply.stdout_length = (uint32_t)said[0].length;
        reply.length += (uint32_t)(said[0].length + said[1].length);
    }
    append(&replies, &reply, sizeof reply);
    for (int i = 0; said && i < 2; i++) append(&replies, said[i].data, said[i].length);
}

static void write_replies(void)
{
    while (replies_written < replies.length) {
        ssize_t n = write(STDOUT_FILENO, replies.data + replies_written, replies.length - replies_written);
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) quit(1, "cannot reply: %s", strerror(errno));
        replies_written += (size_t)n;
    }
    /* Never moves more bytes than were written, so that a long queue costs no more per byte than a short one. */
    if (replies_written * 2 >= replies.length) {
        drop_front(&replies, replies_written);
        replies_written = 0;
    }
}

/* ---- In the child, between fork and its end ---- */

static _Noreturn void say(int verdict, enum kind kind, int code)
{
    uint32_t words[2] = {kind, (uint32_t)code};
    _exit(write(verdict, words, sizeof words) != sizeof words);
}

static _Noreturn void become(char **arguments, char **environment, int verdict)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(arguments[0], arguments, environment);
    /* ENOENT can also mean that the file is there and its interpreter is not, and EACCES that it is a directory. */
    int why = errno;
    struct stat file;
    bool there = stat(arguments[0], &file) == 0 && S_ISREG(file.st_mode);
    say(verdict, there ? CANNOT_EXECUTE : NO_SUCH_PLUGIN, why);
}

static struct stat enter_sandbox(const char *path, int verdict)
{
    struct stat file;
    struct statfs system;
    int netns = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (netns < 0 || fstat(netns, &file) || fstatfs(netns, &system)) say(verdict, CANNOT_OPEN_NETNS, errno);
    if (system.f_type != NSFS_MAGIC || ioctl(netns, NS_GET_NSTYPE) != CLONE_NEWNET) say(verdict, NOT_A_NETNS, 0);
    if (file.st_dev == own_netns.st_dev && file.st_ino == own_netns.st_ino) say(verdict, HOST_NETNS, 0);
    if (setns(netns, CLONE_NEWNET)) say(verdict, CANNOT_START, errno);
    return file;
}

static _Noreturn void look(const struct stat *netns, char **links, int verdict)
{
    uint64_t cookie;
    socklen_t size = sizeof cookie;
    int any = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (any < 0) say(verdict, CANNOT_START, errno);
    dprintf(STDOUT_FILENO, "%llu:%llu", (unsigned long long)netns->st_dev, (unsigned long long)netns->st_ino);
    /* The kernel gives a freed inode to the next namespace at once; it never gives a cookie twice. Before Linux 5.14: none. */
    if (!getsockopt(any, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size))
        dprintf(STDOUT_FILENO, ":%llu", (unsigned long long)cookie);
    dprintf(STDOUT_FILENO, "\n");
    for (; *links; links++) {
        /* Binding to a device only looks its name up; if_nametoindex would have the kernel run modprobe for a free name. */
        if (!setsockopt(any, SOL_SOCKET, SO_BINDTODEVICE, *links, (socklen_t)strlen(*links)))
            dprintf(STDOUT_FILENO, "%s\n", *links);
        else if (errno != ENODEV) say(verdict, CANNOT_START, errno);
    }
    say(verdict, LOOKED, 0);
}

/*
 * Ends what is mounted on a file, and removes the file. The kernel then detaches the copies of the mount that other
 * mount namespaces have, such as the daemon's container.
 */
static _Noreturn void unmount(const char *path, int verdict)
{
    while (!umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW)) {}
    if (errno != EINVAL && errno != ENOENT) say(verdict, CANNOT_START, errno);
    if (unlink(path) && errno != ENOENT) say(verdict, CANNOT_START, errno);
    _exit(0);
}

/* ---- Starting a child ---- */

/* A file in memory for stdin: whatever its size it needs no attention, and a plugin that never reads it blocks nobody. */
static int memory_file(const char *data, size_t length)
{
    int file = memfd_create("stdin", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    if (file < 0 && errno == EINVAL) file = memfd_create("stdin", MFD_CLOEXEC); /* before Linux 6.3 */
    for (size_t done = 0; file >= 0 && done < length;) {
        ssize_t n = pwrite(file, data + done, length - done, (off_t)done);
        if (n < 0) {
            close(file);
            return -1;
        }
        done += (size_t)n;
    }
    return file;
}

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void start(const struct request *request, char **strings, const char *input, size_t input_length)
{
    int in = -1, out[2] = {-1, -1}, err[2] = {-1, -1}, verdict[2] = {-1, -1};
    pid_t launcher = getpid(), pid = -1;
    if (child_count < MOST_CHILDREN) in = memory_file(input, input_length);
    else errno = EAGAIN;
    if (in >= 0 && !pipe2(out, O_CLOEXEC) && !pipe2(err, O_CLOEXEC) && !pipe2(verdict, O_CLOEXEC)) pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        if (getppid() != launcher) _exit(1); /* it ended before the line above */
        setpgid(0, 0);
        if (dup2(in, 0) < 0 || dup2(out[1], 1) < 0 || dup2(err[1], 2) < 0) say(verdict[1], CANNOT_START, errno);
        if (request->op == RUN) become((char *[]){strings[0], NULL}, strings + 1, verdict[1]);
        if (request->op == UNMOUNT) unmount(strings[0], verdict[1]);
        struct stat netns = enter_sandbox(strings[0], verdict[1]);
        if (request->op == LOOK) look(&netns, strings + 1, verdict[1]);
        become(strings + 1, (char *[]){NULL}, verdict[1]);
    }
    int why = errno;
    close(in), close(out[1]), close(err[1]), close(verdict[1]);
    if (pid < 0) {
        close(out[0]), close(err[0]), close(verdict[0]);
        answer(request->id, CANNOT_START, (uint32_t)why, NULL, NULL);
        return;
    }
    setpgid(pid, pid); /* in both, so that the group exists whoever comes first */
    if (child_count == child_capacity) {
        child_capacity = child_capacity ? child_capacity * 2 : 16;
        children = resize(children, child_capacity * sizeof *children);
    }
    children[child_count++] = (struct child){
        .id = request->id, .pid = pid, .verdict = verdict[0], .output = {out[0], err[0]},
        .max_output = request->max_output, .deadline = now() + request->timeout_ms, .fate = EXITED,
    };
    answer(request->id, STARTED, (uint32_t)pid, NULL, NULL);
}

/* ---- Ending a child ---- */

static void end_early(struct child *child, enum kind fate, uint32_t code)
{
    if (child->fate != EXITED) return;
    child->fate = fate;
    child->fate_code = code;
    child->deadline = now() + KILL_GRACE_MS;
    kill_tree(child->pid);
}

/* Takes what a stream holds now, and closes it at its end or at the limit. */
static void take_output(struct child *child, int stream)
{
    int *fd = &child->output[stream], waiting = 0;
    struct buffer *said = &child->said[stream];
    if (*fd < 0) return;
    if (ioctl(*fd, FIONREAD, &waiting)) waiting = 0;
    bool too_much = said->length + (size_t)waiting > child->max_output;
    ssize_t n = waiting && !too_much ? read(*fd, room(said, (size_t)waiting), (size_t)waiting) : 0;
    if (n > 0) {
        said->length += (size_t)n;
        return;
    }
    if (too_much) end_early(child, TOO_MUCH_OUTPUT, (uint32_t)stream);
    close(*fd);
    *fd = -1;
}

static void reply_for(struct child *child, enum kind kind, uint32_t code, const struct rusage *used)
{
    if (!child->answered) answer(child->id, kind, code, used, child->said);
    child->answered = true;
}

/* The process has ended. What others may still write to its pipes is not waited for. */
static void finish(struct child *child)
{
    take_output(child, 0);
    take_output(child, 1);
    uint32_t verdict[2];
    bool spoke = read(child->verdict, verdict, sizeof verdict) == sizeof verdict;
    int status = 0;
    struct rusage used;
    wait4(child->pid, &status, 0, &used);

    if (child->fate != EXITED) reply_for(child, child->fate, child->fate_code, &used);
    else if (spoke) reply_for(child, verdict[0], verdict[1], &used);
    else if (WIFEXITED(status)) reply_for(child, EXITED, (uint32_t)WEXITSTATUS(status), &used);
    else reply_for(child, KILLED, (uint32_t)WTERMSIG(status), &used);

    close(child->verdict);
    for (int i = 0; i < 2; i++) {
        if (child->output[i] >= 0) close(child->output[i]);
        free(child->said[i].data);
    }
    *child = children[--child_count];
}

static void finish_ended(int signals)
{
    struct signalfd_siginfo signal;
    while (read(signals, &signal, sizeof signal) == sizeof signal)
        if (signal.ssi_signo == SIGTERM) quit(0, NULL);
    for (;;) {
        siginfo_t ended = {0};
        if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) || !ended.si_pid) return;
        size_t i = 0;
        while (i < child_count && children[i].pid != ended.si_pid) i++;
        if (i < child_count) finish(&children[i]);
        else waitpid(ended.si_pid, NULL, 0);
    }
}

/* Milliseconds until the next deadline, after acting on those that have passed. */
static int mind_deadlines(void)
{
    int64_t time = now(), next = time + 3600000;
    for (size_t i = 0; i < child_count; i++) {
        struct child *child = &children[i];
        if (child->deadline <= time && child->fate == EXITED) end_early(child, TIMED_OUT, 0);
        else if (child->deadline <= time) {
            /* Stuck in the kernel: answered now, reaped when it ends. */
            uint32_t code = child->fate == TOO_MUCH_OUTPUT ? child->fate_code : (uint32_t)child->pid;
            reply_for(child, child->fate, code, NULL);
            child->deadline = NEVER;
        }
        if (child->deadline < next) next = child->deadline;
    }
    return (int)(next - time);
}

/* ---- Requests ---- */

static void cancel(uint32_t id)
{
    for (size_t i = 0; i < child_count; i++)
        if (children[i].id == id) end_early(&children[i], CANCELLED, 0);
}

static void serve(char *frame, size_t length)
{
    struct request request;
    char *strings[MOST_STRINGS + 1], *rest = frame + sizeof request, *end = frame + length;
    memcpy(&request, frame, sizeof request);
    if (request.strings > MOST_STRINGS) quit(2, "malformed request: %u strings", request.strings);
    for (uint32_t i = 0; i < request.strings; i++) {
        char *terminator = memchr(rest, 0, (size_t)(end - rest));
        if (!terminator) quit(2, "malformed request: string %u has no end", i);
        strings[i] = rest;
        rest = terminator + 1;
    }
    strings[request.strings] = NULL;

    bool bounded = request.timeout_ms > 0 && request.max_output <= LARGEST_OUTPUT;
    bool whole = (request.op == RUN && request.strings >= 1) || (request.op == LOOK && request.strings >= 1) ||
                 (request.op == RUN_IN_NETNS && request.strings >= 2) || (request.op == UNMOUNT && request.strings == 1);
    if (whole && bounded) start(&request, strings, rest, (size_t)(end - rest));
    else if (request.op == CANCEL) cancel(request.id);
    else quit(2, "malformed request: op %u, %u strings, %u ms", request.op, request.strings, request.timeout_ms);
}

static void read_requests(void)
{
    ssize_t n = read(STDIN_FILENO, room(&requests, CHUNK), CHUNK);
    if (n <= 0) quit(0, NULL); /* the daemon has gone */
    requests.length += (size_t)n;

    uint32_t length;
    size_t done = 0;
    for (; requests.length - done >= sizeof length; done += sizeof length + length) {
        memcpy(&length, requests.data + done, sizeof length);
        if (length < sizeof(struct request) || length > LARGEST_REQUEST) quit(2, "malformed request: %u bytes", length);
        if (requests.length - done - sizeof length < length) break;
        serve(requests.data + done + sizeof length, length);
    }
    drop_front(&requests, done);
}

static _Noreturn void loop(int signals)
{
    struct pollfd *watched = NULL;
    for (;;) {
        size_t outputs = 2 * child_count; /* only they are looked at while this number still holds */
        int wait = mind_deadlines();
        watched = resize(watched, (3 + outputs) * sizeof *watched);
        watched[0] = (struct pollfd){STDIN_FILENO, POLLIN, 0};
        watched[1] = (struct pollfd){signals, POLLIN, 0};
        watched[2] = (struct pollfd){STDOUT_FILENO, replies.length ? POLLOUT : 0, 0};
        for (size_t i = 0; i < outputs; i++)
            watched[3 + i] = (struct pollfd){children[i / 2].output[i % 2], POLLIN, 0};
        /* No EINTR: all signals are blocked. */
        if (poll(watched, 3 + outputs, wait) < 0) quit(1, "poll: %s", strerror(errno));

        for (size_t i = 0; i < outputs; i++)
            if (watched[3 + i].revents) take_output(&children[i / 2], (int)(i % 2));
        if (watched[1].revents) finish_ended(signals);
        if (watched[0].revents) read_requests();
        if (watched[2].revents & (POLLERR | POLLHUP)) quit(0, NULL); /* the daemon has gone */
        write_replies();
    }
}

/* ---- Beginning ---- */

static void enter_host(const char *how, const char *where)
{
    if (!strcmp(how, "--mntns")) {
        int file = open(where, O_RDONLY | O_CLOEXEC);
        if (file < 0) quit(1, "cannot open the mount namespace %s: %s", where, strerror(errno));
        if (setns(file, CLONE_NEWNS)) quit(1, "cannot enter the mount namespace %s: %s", where, strerror(errno));
        close(file);
    } else if (chroot(where)) quit(1, "cannot change the root to %s: %s", where, strerror(errno));
}

/* Nothing of what the daemon was started with reaches a plugin. */
static void clean_slate(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0) quit(1, "stdin, stdout and stderr must be open");
    if (syscall(SYS_close_range, 3, ~0U, 0))
        for (int fd = 3; fd < 1024; fd++) close(fd); /* before Linux 5.9 */
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    umask(022);
}

static void on_alarm(int signal) { (void)signal; }

/* `--lock MILLISECONDS`: takes flock's lock on descriptor 3 for whoever opened it, because Node cannot. It stays with the open file when this
 * process ends. Exit status 3: another process has it, and kept it for so long. */
static int lock_for_parent(const char *milliseconds)
{
    long wait = strtol(milliseconds, NULL, 10);
    if (wait > 0) {
        struct sigaction action = {.sa_handler = on_alarm};
        /* again and again: the first one may come before flock waits */
        struct itimerval timer = {.it_value = {wait / 1000, wait % 1000 * 1000}, .it_interval = {0, 10 * 1000}};
        sigaction(SIGALRM, &action, NULL);
        setitimer(ITIMER_REAL, &timer, NULL);
    }
    if (!flock(3, wait > 0 ? LOCK_EX : LOCK_EX | LOCK_NB)) return 0;
    if (errno == EWOULDBLOCK || errno == EINTR) return 3;
    quit(1, "flock: %s", strerror(errno));
}

int main(int count, char **arguments)
{
    if (count == 2 && !strcmp(arguments[1], "--version")) return puts("plexus-launcher " VERSION) < 0;
    if (count == 2 && !strcmp(arguments[1], "--help"))
        return puts("usage: plexus-launcher [--mntns PATH | --chroot DIR | --lock MILLISECONDS]\n"
                    "Started by plexus-daemon; speaks frames on stdin and stdout. Ends at the end of stdin.") < 0;
    if (count == 3 && !strcmp(arguments[1], "--lock")) return lock_for_parent(arguments[2]);
    bool enters = count == 3 && (!strcmp(arguments[1], "--mntns") || !strcmp(arguments[1], "--chroot"));
    if (count != 1 && !enters) quit(2, "unknown arguments; see --help");

    pid_t daemon = getppid();
    sigset_t all, ours;
    sigfillset(&all);
    sigemptyset(&ours);
    sigaddset(&ours, SIGCHLD);
    sigaddset(&ours, SIGTERM);
    sigprocmask(SIG_SETMASK, &all, NULL); /* a signal is something to read, so that no group is left behind */
    prctl(PR_SET_PDEATHSIG, SIGTERM);     /* should the end of stdin be late */
    if (getppid() != daemon) quit(0, NULL);

    if (stat("/proc/self/ns/net", &own_netns)) quit(1, "cannot see /proc/self/ns/net: %s", strerror(errno));
    clean_slate();
    proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0) quit(1, "cannot open /proc: %s", strerror(errno));
    if (enters) enter_host(arguments[1], arguments[2]);
    if (chdir("/")) quit(1, "cannot change to /: %s", strerror(errno));
    int signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0) quit(1, "signalfd: %s", strerror(errno));
    fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
    answer(0, READY, WIRE_VERSION, NULL, NULL);
    write_replies();
    loop(signals);
}

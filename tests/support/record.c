// Stands before a program of the end-to-end tests and keeps a copy of all it prints, so that the
// suite can look for secrets in it afterwards.
//
// Installed as DIR/bin/NAME it runs DIR/real/NAME and writes DIR/out/PID.TIME.log (standard output and
// error), DIR/out/PID.TIME.args and, into DIR/secrets, what the program's environment holds under names
// that stand for secrets. Exit status, signals, terminals and odd descriptors are the program's own.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

typedef struct Stream {
    int read, write; // of our pipe
    int to;          // the program's own descriptor
} Stream;

static pid_t child;

static void forward(int signal_number) { kill(child, signal_number); }

// Pipes, files and /dev/null are copied; terminals and /dev/full must stay what they are.
static int is_copied(int fd, struct stat *st) {
    if (fstat(fd, st) < 0)
        return 0;
    return S_ISFIFO(st->st_mode) || S_ISREG(st->st_mode) ||
           (S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3));
}

static int send_all(int fd, const char *data, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static int open_in(const char *dir, const char *name, const char *suffix) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s%s", dir, name, suffix);
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
}

// Names that end so hold secrets.
static void note_secrets(const char *dir) {
    static const char *const ends[] = {"TOKEN", "TOKEN_V2", "SECRET", "_KEY", "PASSWORD"};
    int fd = open_in(dir, "secrets", "");
    for (char **v = environ; *v && fd >= 0; v++) {
        size_t name = strcspn(*v, "="), value = strlen(*v + name);
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
            size_t len = strlen(ends[i]);
            if (value > 6 && name >= len && strncmp(*v + name - len, ends[i], len) == 0) {
                char line[8192];
                int n = snprintf(line, sizeof line, "%s\n", *v + name + 1);
                if (n > 0 && (size_t)n < sizeof line)
                    send_all(fd, line, (size_t)n);
                break;
            }
        }
    }
    close(fd);
}

static void note_args(const char *out, const char *pid, char **argv) {
    int fd = open_in(out, pid, ".args");
    for (char **a = argv; *a && fd >= 0; a++) {
        send_all(fd, *a, strlen(*a));
        send_all(fd, a[1] ? " " : "\n", 1);
    }
    close(fd);
}

// Gives the program a pipe where its descriptor can be copied; 2>&1 stays one pipe, in order.
static size_t divert(Stream *streams) {
    struct stat st[2];
    int copied[2] = {is_copied(1, &st[0]), is_copied(2, &st[1])};
    size_t count = 0;
    int same = copied[0] && copied[1] && st[0].st_dev == st[1].st_dev &&
               st[0].st_ino == st[1].st_ino && S_ISCHR(st[0].st_mode) == 0;
    for (int i = 0; i < 2; i++) {
        int ends[2];
        if (!copied[i] || (i == 1 && same) || pipe2(ends, O_CLOEXEC) < 0)
            continue;
        streams[count++] = (Stream){ends[0], ends[1], i + 1};
    }
    child = fork();
    if (child)
        return count;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < count; i++) {
        dup2(streams[i].write, streams[i].to);
        if (same)
            dup2(streams[i].write, 2);
    }
    return count;
}

// One piece of a stream. A reader that has gone is the program's to notice.
static void copy(Stream *s, int log) {
    char data[65536];
    ssize_t n = read(s->read, data, sizeof data);
    if (n < 0 && errno == EINTR)
        return;
    if (n > 0)
        send_all(log, data, (size_t)n);
    if (n <= 0 || send_all(s->to, data, (size_t)n) < 0) {
        close(s->read);
        s->read = -1;
    }
}

// Until the program has ended and all it wrote has been passed on.
static void attend(Stream *streams, size_t count, int log) {
    int ended = pidfd_open(child, 0);
    for (int over = 0;;) {
        struct pollfd fds[3] = {{.fd = over ? -1 : ended, .events = POLLIN}};
        for (size_t i = 0; i < count; i++)
            fds[i + 1] = (struct pollfd){.fd = streams[i].read, .events = POLLIN};
        int ready = poll(fds, (nfds_t)count + 1, over ? 0 : -1);
        if (ready < 0 && errno == EINTR)
            continue;
        if (over && ready == 0)
            return;
        for (size_t i = 0; i < count; i++)
            if (fds[i + 1].revents)
                copy(&streams[i], log);
        over |= fds[0].revents != 0;
    }
}

static int finish(void) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!WIFSIGNALED(status))
        return WEXITSTATUS(status);
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(WTERMSIG(status), SIG_DFL);
    raise(WTERMSIG(status));
    return 128 + WTERMSIG(status);
}

int main(int argc, char **argv) {
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
    char self[4096], real[4200], out[4200], pid[64];
    struct timespec now;
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len < 0 || argc < 1)
        return 127;
    self[len] = '\0';
    char *name = strrchr(self, '/');
    *name++ = '\0';
    *strrchr(self, '/') = '\0'; // DIR
    snprintf(real, sizeof real, "%s/real/%s", self, name);
    snprintf(out, sizeof out, "%s/out", self);
    clock_gettime(CLOCK_REALTIME, &now); // numbers of processes come again
    snprintf(pid, sizeof pid, "%d.%lld.%ld", (int)getpid(), (long long)now.tv_sec, now.tv_nsec);
    note_secrets(self);
    note_args(out, pid, argv);
    int log = open_in(out, pid, ".log");
    Stream streams[2];
    size_t count = divert(streams);
    if (child == 0) {
        execv(real, argv);
        fprintf(stderr, "%s: %s\n", real, strerror(errno));
        _exit(127);
    }
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &(struct sigaction){.sa_handler = forward}, NULL);
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < count; i++)
        close(streams[i].write);
    attend(streams, count, log);
    return finish();
}

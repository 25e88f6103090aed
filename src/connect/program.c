/* Running a program (stage connect). Between fork and exec only calls that POSIX allows there. */
#include "connect/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define LOOK_UP_MS    100
#define NOT_STARTED   127
#define FILES_MAX     64
#define FILE_SIZE_MAX (64u << 20)

bool program_is_trusted(const char *path, struct error *err)
{
    struct stat status;
    if (path[0] != '/' || stat(path, &status) != 0 || !S_ISREG(status.st_mode) || access(path, X_OK) != 0)
        return error_set(err,
                         tr("%s is not a program that can be run; write its full path",
                            "%s は実行できるプログラムではありません。絶対パスで書いてください"),
                         path);
    if ((status.st_mode & 022) != 0 || (status.st_uid != 0 && status.st_uid != geteuid()))
        return error_set(
            err,
            tr("%s can be changed by others; give it to root and run: chmod go-w %s",
               "%s は他の利用者も変更できます。所有者を root にし、chmod go-w %s を実行してください"),
            path, path);
    return true;
}

/* ----------------------------------------------------------------- the child */

static void limit(int what, rlim_t most)
{
    struct rlimit l = {most, most};
    setrlimit(what, &l);
}

_Noreturn static void become(const struct program *p, int output)
{
    sigset_t none;
    struct sigaction usual = {.sa_handler = SIG_DFL};
    setsid(); /* its own group: all of it can be killed */
    for (int number = 1; number < NSIG; number++)
        sigaction(number, &usual, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int input = open("/dev/null", O_RDONLY);
    bool ok = input >= 0 && dup2(input, 0) == 0 && dup2(output, 1) == 1 && dup2(output, 2) == 2 &&
              syscall(SYS_close_range, 3u, ~0u, 0u) == 0 && chdir("/") == 0 &&
              prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, FILES_MAX);
    limit(RLIMIT_FSIZE, FILE_SIZE_MAX);
    umask(077);
    if (ok)
        execve(p->arguments[0], (char *const *)p->arguments, (char *const *)p->environment);
    _exit(NOT_STARTED);
}

/* ---------------------------------------------------------------- the parent */

/* What is too much is read and passed over, so that the program does not wait for us. False: nobody writes
 * any more. */
static bool take(struct program *p, int fd)
{
    char bytes[4096];
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n <= 0)
        return n < 0 && (errno == EINTR || errno == EAGAIN);
    size_t room = PROGRAM_OUTPUT_MAX - p->output.n;
    buf_bytes(&p->output, bytes, (size_t)n < room ? (size_t)n : room);
    return true;
}

enum end { ENDED, TOO_LONG, BROKEN_OFF };

/* Until the program itself has ended; one that leaves children with our pipe behind is not waited for. */
static enum end watch(struct program *p, pid_t child, int fd)
{
    int64_t end_ns = clock_monotonic_ns() + (int64_t)p->seconds * NS_PER_SECOND;
    bool is_open = true;
    for (;;) {
        struct pollfd one = {.fd = is_open ? fd : -1, .events = POLLIN};
        int ready = poll(&one, 1, LOOK_UP_MS);
        if (ready > 0)
            is_open = take(p, fd);
        siginfo_t info = {.si_pid = 0};
        if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == child)
            break;
        if (p->is_over != NULL && atomic_load(p->is_over))
            return BROKEN_OFF;
        if (clock_monotonic_ns() > end_ns)
            return TOO_LONG;
    }
    for (struct pollfd one = {.fd = fd, .events = POLLIN}; is_open && poll(&one, 1, 0) > 0;)
        is_open = take(p, fd); /* what it said last */
    return ENDED;
}

static bool tell(struct program *p, enum end end, int status, struct error *err)
{
    const char *name = p->arguments[0];
    p->exit_code = end == ENDED && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (end == TOO_LONG)
        return error_set(err,
                         tr("%s took more than %u s and was killed", "%s は %u 秒を超えたため停止しました"),
                         name, p->seconds);
    if (end == BROKEN_OFF)
        return error_set(err, tr("%s was broken off: hyakuyo stops", "%s を中断しました(hyakuyo の停止)"),
                         name);
    if (WIFSIGNALED(status))
        return error_set(err, tr("%s was ended by signal %d", "%s はシグナル %d で終了しました"), name,
                         WTERMSIG(status));
    return p->exit_code == 0 ||
           error_set(err, tr("%s ended with %d", "%s は %d で終了しました"), name, p->exit_code);
}

bool program_run(struct program *p, struct error *err)
{
    int pipes[2], status = 0;
    p->exit_code = -1;
    if (pipe2(pipes, O_CLOEXEC) != 0)
        return error_errno(err, "%s", p->arguments[0]);
    pid_t child = fork();
    if (child == 0)
        become(p, pipes[1]);
    close(pipes[1]);
    if (child < 0) {
        close(pipes[0]);
        return error_errno(err, "%s", p->arguments[0]);
    }
    enum end end = watch(p, child, pipes[0]);
    kill(-child, SIGKILL); /* all it started; it is not reaped yet, so the number is still its own */
    kill(child, SIGKILL);  /* itself, should it have no group yet */
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    close(pipes[0]);
    return tell(p, end, status, err);
}

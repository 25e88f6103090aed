/* The journal at work: order, groups, rotation, release, full disks, failing syncs, kill. */
#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "journal/segment.h"
#include "journal/test_world.h"

/* Fails on order; everything else goes to the system. */
struct faulty {
    atomic_int fail_writes, fail_syncs, fail_truncates; /* how many of the next ones */
    atomic_int short_write;                             /* the next write stops after so many bytes */
    atomic_int syncs;
};

static bool take_one(atomic_int *left)
{
    return atomic_load(left) > 0 && atomic_fetch_sub(left, 1) > 0;
}

static ssize_t faulty_write(void *context, int fd, const void *bytes, size_t n, off_t at)
{
    struct faulty *f = context;
    int some = atomic_exchange(&f->short_write, 0);
    if (some > 0 && (size_t)some < n)
        return pwrite(fd, bytes, (size_t)some, at);
    if (take_one(&f->fail_writes)) {
        errno = ENOSPC;
        return -1;
    }
    return pwrite(fd, bytes, n, at);
}

static int faulty_sync(void *context, int fd)
{
    struct faulty *f = context;
    atomic_fetch_add(&f->syncs, 1);
    if (take_one(&f->fail_syncs)) {
        errno = EIO;
        return -1;
    }
    return fdatasync(fd);
}

static int faulty_truncate(void *context, int fd, off_t bytes)
{
    struct faulty *f = context;
    if (take_one(&f->fail_truncates)) {
        errno = EIO;
        return -1;
    }
    return ftruncate(fd, bytes);
}

struct fixture {
    struct world w;
    struct faulty faulty;
    struct journal_io io;
    struct journal *j;
};

static void begin(struct fixture *x, struct journal_options o)
{
    struct error err;
    memset(&x->faulty, 0, sizeof x->faulty);
    x->io = (struct journal_io){&x->faulty, faulty_write, faulty_sync, faulty_truncate};
    world_init(&x->w);
    o.io = &x->io;
    o.retry_ms = 5;
    x->j = world_open(&x->w, o, 0, NULL);
    assert_true(journal_start(x->j, &err));
}

static void expect_all_once(const struct world *w, uint64_t last)
{
    for (uint64_t n = 1; n <= last; n++)
        assert_int_equal(w->times[n], 1);
    assert_int_equal(w->seen, last);
}

/* Ends the journal and lets a new life replay everything: exactly once each. */
static void end(struct fixture *x, uint64_t last)
{
    journal_free(x->j);
    world_forget(&x->w);
    journal_free(world_open(&x->w, (struct journal_options){0}, 0, NULL));
    expect_all_once(&x->w, last);
    assert_int_equal(x->w.gaps, 0);
    world_end(&x->w);
}

static void keeps_order_and_acknowledges(void **state)
{
    struct fixture x;
    (void)state;
    begin(&x, (struct journal_options){0});
    for (uint64_t i = 0; i < 1000; i++)
        world_submit(x.j, world_submission(&x.w, i * 5 + 1, i * 5 + 5, 30));
    wait_until_equal(&x.w.seen, 5000);
    assert_int_equal(x.w.safe, 1000);
    struct journal_stats stats;
    journal_stats(x.j, &stats);
    assert_true(stats.records == 5000 && stats.next_sequence == 5001 && stats.groups <= 1000 &&
                stats.failures == 0);
    expect_all_once(&x.w, 5000);
    end(&x, 5000);
}

static void groups_what_waits(void **state)
{
    struct fixture x;
    struct journal_stats stats;
    (void)state;
    begin(&x, (struct journal_options){0});
    atomic_store(&x.w.is_blocked, true); /* the thread sits in the sink while these gather */
    for (uint64_t i = 0; i < 100; i++)
        world_submit(x.j, world_submission(&x.w, i + 1, i + 1, 0));
    atomic_store(&x.w.is_blocked, false);
    wait_until_equal(&x.w.seen, 100);
    journal_stats(x.j, &stats);
    assert_true(stats.groups < 20);
    assert_true(atomic_load(&x.faulty.syncs) <= (int)stats.groups + 1);
    end(&x, 100);
}

static void a_full_queue_turns_away(void **state)
{
    struct fixture x;
    uint64_t taken = 0;
    (void)state;
    begin(&x, (struct journal_options){.queue_capacity = 4});
    atomic_store(&x.w.is_blocked, true);
    struct submission *s = NULL;
    while (taken < 1000 && journal_submit(x.j, s = world_submission(&x.w, taken + 1, taken + 1, 0))) {
        taken++;
        pause_ms(1);
    }
    assert_true(taken >= 4 && taken < 20);
    atomic_store(&x.w.is_blocked, false);
    world_submit(x.j, s); /* the same one again */
    wait_until_equal(&x.w.seen, taken + 1);
    end(&x, taken + 1);
}

static void failed_writes_wait_and_go_on(void **state)
{
    struct fixture x;
    struct error why;
    (void)state;
    begin(&x, (struct journal_options){0});
    world_submit(x.j, world_submission(&x.w, 1, 3, 100));
    wait_until_equal(&x.w.safe, 1);
    atomic_store(&x.faulty.short_write, 50); /* a part of the frame gets to the disk */
    atomic_store(&x.faulty.fail_writes, 20);
    world_submit(x.j, world_submission(&x.w, 4, 6, 100));
    for (int i = 0; !journal_is_stuck(x.j, &why) && i < 1000; i++)
        pause_ms(1);
    assert_non_null(strstr(why.text, x.w.folder));
    assert_int_equal(x.w.safe, 1); /* not acknowledged */
    wait_until_equal(&x.w.safe, 2);
    assert_false(journal_is_stuck(x.j, &why));
    assert_string_equal(why.text, "");
    end(&x, 6);
}

static void a_failed_sync_begins_a_new_segment(void **state)
{
    struct fixture x;
    struct journal_stats stats;
    (void)state;
    for (int truncates = 0; truncates < 2; truncates++) {
        begin(&x, (struct journal_options){0});
        world_submit(x.j, world_submission(&x.w, 1, 3, 100));
        wait_until_equal(&x.w.safe, 1);
        atomic_store(&x.faulty.fail_truncates, truncates); /* then the frame stays in the old file, too */
        atomic_store(&x.faulty.fail_syncs, 1);
        world_submit(x.j, world_submission(&x.w, 4, 6, 100));
        wait_until_equal(&x.w.safe, 2);
        world_submit(x.j, world_submission(&x.w, 7, 9, 100));
        wait_until_equal(&x.w.safe, 3);
        journal_stats(x.j, &stats);
        assert_int_equal(stats.segments, 2);
        assert_true(stats.failures >= 1);
        end(&x, 9);
    }
}

static void a_failed_first_sync_replaces_the_segment(void **state)
{
    struct fixture x;
    struct journal_stats stats;
    (void)state;
    begin(&x, (struct journal_options){0});
    atomic_store(&x.faulty.fail_truncates, 1);
    atomic_store(&x.faulty.fail_syncs, 2); /* of the header, then of the header again */
    world_submit(x.j, world_submission(&x.w, 1, 3, 100));
    wait_until_equal(&x.w.safe, 1);
    journal_stats(x.j, &stats);
    assert_int_equal(stats.segments, 1);
    end(&x, 3);
}

static void stopping_while_stuck_refuses(void **state)
{
    struct fixture x;
    (void)state;
    begin(&x, (struct journal_options){0});
    world_submit(x.j, world_submission(&x.w, 1, 3, 0));
    wait_until_equal(&x.w.safe, 1);
    atomic_store(&x.faulty.fail_writes, 1000000);
    world_submit(x.j, world_submission(&x.w, 4, 6, 0));
    world_submit(x.j, world_submission(&x.w, 7, 9, 0));
    pause_ms(20);
    journal_stop(x.j);
    assert_true(x.w.safe == 1 && x.w.refused == 2);
    atomic_store(&x.faulty.fail_writes, 0);
    end(&x, 3);
}

static void rotates_and_releases(void **state)
{
    struct fixture x;
    struct journal_stats stats;
    char path[128];
    (void)state;
    begin(&x, (struct journal_options){.segment_bytes = 4096, .commit_bytes = 1});
    for (uint64_t i = 0; i < 10; i++)
        world_submit(x.j, world_submission(&x.w, i * 3 + 1, i * 3 + 3, 1000));
    wait_until_equal(&x.w.seen, 30);
    journal_stats(x.j, &stats);
    assert_int_equal(stats.segments, 10);
    journal_release(x.j, 8); /* in the middle of the third */
    journal_stats(x.j, &stats);
    assert_int_equal(stats.segments, 8);
    segment_file(&x.w, 4, path);
    assert_false(file_exists(path));
    segment_file(&x.w, 7, path);
    assert_true(file_exists(path));
    journal_release(x.j, 30); /* the newest stays: it is written to */
    journal_stats(x.j, &stats);
    assert_int_equal(stats.segments, 1);
    journal_free(x.j);
    world_end(&x.w);
}

static void the_size_bound_makes_it_wait(void **state)
{
    struct fixture x;
    struct error why;
    (void)state;
    begin(&x, (struct journal_options){.segment_bytes = 4096, .total_bytes = 16384, .commit_bytes = 1});
    for (uint64_t i = 0; i < 10; i++)
        world_submit(x.j, world_submission(&x.w, i * 3 + 1, i * 3 + 3, 1000));
    for (int i = 0; !journal_is_stuck(x.j, &why) && i < 2000; i++)
        pause_ms(1);
    assert_non_null(strstr(why.text, "limit"));
    assert_true(x.w.safe < 10 && x.w.safe >= 3);
    while (x.w.safe < 10) { /* the store catches up */
        journal_release(x.j, x.w.last);
        pause_ms(1);
    }
    wait_until_equal(&x.w.seen, 30);
    expect_all_once(&x.w, 30);
    assert_false(journal_is_stuck(x.j, NULL));
    journal_free(x.j);
    world_end(&x.w);
}

static void two_processes_cannot_share_it(void **state)
{
    struct fixture x;
    struct error err = {.text = ""};
    (void)state;
    begin(&x, (struct journal_options){0});
    const struct journal_callbacks callbacks = {.context = &x.w, .sink = world_sink};
    assert_null(journal_open(&(struct journal_options){.folder = x.w.folder}, 0, &callbacks, NULL, &err));
    assert_non_null(strstr(err.text, "in use"));
    end(&x, 0);
}

/* A real full disk, when the test may mount one. */
static void a_full_disk(void **state)
{
    struct world w;
    struct error err, why;
    (void)state;
    world_init(&w);
    if (mount("tmpfs", w.folder, "tmpfs", 0, "size=256k") != 0) {
        world_end(&w);
        skip();
    }
    struct journal *j =
        world_open(&w, (struct journal_options){.retry_ms = 5, .segment_bytes = 65536, .commit_bytes = 1}, 0,
                   NULL);
    assert_true(journal_start(j, &err));
    for (uint64_t i = 0; i < 100; i++)
        world_submit(j, world_submission(&w, i * 10 + 1, i * 10 + 10, 500));
    for (int i = 0; !journal_is_stuck(j, &why) && i < 5000; i++)
        pause_ms(1);
    assert_true(journal_is_stuck(j, &why));
    uint64_t safe = w.safe;
    assert_true(safe > 10 && safe < 100);
    pause_ms(30);
    assert_int_equal(w.safe, safe);
    while (w.safe < 100) {
        journal_release(j, w.last); /* makes room */
        pause_ms(1);
    }
    wait_until_equal(&w.seen, 1000);
    expect_all_once(&w, 1000);
    journal_free(j);
    umount(w.folder);
    world_end(&w);
}

/* A child that journals is killed at some moment; what it said was safe must be there. */
static void killed(void **state)
{
    (void)state;
    for (int round = 0; round < 30; round++) {
        struct world w;
        int acknowledged[2];
        world_init(&w);
        assert_int_equal(pipe(acknowledged), 0);
        pid_t child = fork();
        if (child == 0) {
            struct error err;
            struct journal *j = world_open(&w, (struct journal_options){.segment_bytes = 65536}, 0, NULL);
            if (!journal_start(j, &err))
                _exit(1);
            for (uint64_t i = 0; i < 2000; i++) {
                world_submit(j, world_submission(&w, i * 5 + 1, i * 5 + 5, 200));
                uint64_t safe = w.safe_through;
                if (write(acknowledged[1], &safe, sizeof safe) != sizeof safe)
                    _exit(1);
            }
            for (;;)
                pause();
        }
        close(acknowledged[1]);
        pause_ms(3 + round * 2);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        uint64_t safe = 0, more;
        while (read(acknowledged[0], &more, sizeof more) == sizeof more)
            safe = more;
        close(acknowledged[0]);
        journal_free(world_open(&w, (struct journal_options){0}, 0, NULL));
        uint64_t last = w.seen;
        assert_true(last >= safe);
        assert_int_equal(w.gaps, 0);
        for (uint64_t n = 1; n <= last; n++)
            assert_int_equal(w.times[n], 1);
        world_end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_and_acknowledges),
        cmocka_unit_test(groups_what_waits),
        cmocka_unit_test(a_full_queue_turns_away),
        cmocka_unit_test(failed_writes_wait_and_go_on),
        cmocka_unit_test(a_failed_sync_begins_a_new_segment),
        cmocka_unit_test(a_failed_first_sync_replaces_the_segment),
        cmocka_unit_test(stopping_while_stuck_refuses),
        cmocka_unit_test(rotates_and_releases),
        cmocka_unit_test(the_size_bound_makes_it_wait),
        cmocka_unit_test(two_processes_cannot_share_it),
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

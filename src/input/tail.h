/* Tailing, inside: places in files, and one file. tail.c looks for files and knows when to read. */
#ifndef INPUT_TAIL_H
#define INPUT_TAIL_H

#include "base/map.h"
#include "input/internal.h"

#define PRINT_BYTES 256

/* A place in a file that can be found again. Names, inodes and sizes all lie after a rotation; so the bytes
 * at the beginning of the file and the ones right before the place must be the same too.
 *
 * As a cursor it is text: "1 <device>:<inode> <offset> <head bytes> <head hash> <tail hash> <path>"; the path
 * goes to the end. Hashes are XXH3-64 in hexadecimal; the tail is as long as the head. */
struct tail_position {
    uint64_t device, inode;
    uint64_t offset;      /* behind the last line taken */
    uint32_t print_bytes; /* min(offset, PRINT_BYTES): bytes [0, n) and [offset − n, offset) */
    uint64_t head_hash, tail_hash;
    struct str path; /* the source of its records; as it was when the file was first met */
};

struct str tail_position_format(const struct tail_position *p, struct arena *arena);
bool tail_position_parse(struct str cursor, struct tail_position *out); /* path points into the cursor */
/* Sets the prints for p->offset from the open file. False when it cannot be read. */
bool tail_position_print(struct tail_position *p, int fd);
/* True when the open file still has these bytes at these places. */
bool tail_position_holds(const struct tail_position *p, int fd);

struct tail_file {
    int fd;
    char *path;                      /* source of the records */
    char *path_now;                  /* where it was last seen */
    struct tail_position position;   /* .path = path */
    unsigned char head[PRINT_BYTES]; /* its first bytes, as far as known: to recognise copies of it */
    size_t head_bytes;
    uint64_t scanned;    /* bytes from here on were not searched for a line end yet; >= position.offset */
    uint64_t size;       /* when last looked at … */
    int64_t modified_ns; /* … and its modification time then */
    struct tail_position cut_position; /* where we were when it was last truncated … */
    int64_t cut_ns;                    /* … and when (monotonic); 0 = never */
    int64_t grew_ns;                   /* when it last grew (monotonic) */
    int64_t held_since_ns; /* looks like a copy of another file: not read until that is clear; 0 = no */
    bool was_seen;         /* by the scan that runs */
    bool is_rotated;       /* no longer under its name: ends when it stops growing */
    bool is_finished;      /* its last line was taken without a line end */
    bool is_gone;          /* matches no pattern any more: closed once finished */
};

struct tail_file *tail_file_open(const char *path, struct error *err); /* position at the start */
void tail_file_free(struct tail_file *f);
/* Moves to a known position; the file keeps that position's path as source. */
void tail_file_resume(struct tail_file *f, const struct tail_position *p);

enum tail_turn {
    TAIL_IDLE,  /* nothing (more) to read now */
    TAIL_MORE,  /* there is more: call again */
    TAIL_BATCH, /* *out is set; perhaps there is more */
    TAIL_UNREADABLE,
};

/* What a turn took: counted once the sink has it, for what it never takes is read again and no loss. */
struct tail_take {
    struct submission *submission; /* NULL = nothing */
    struct str path;               /* the file's; valid as long as the file */
    struct input_count count;
    int64_t received_ns;
};

/* One bounded step of reading: at most one batch. `buffer` holds `buffer_bytes` ≥ max_message + 2. With
 * `ends` a last line without line end is taken. Detects truncation. */
enum tail_turn tail_file_turn(struct tail_file *f, size_t max_message, char *buffer, size_t buffer_bytes,
                              bool ends, struct tail_take *out);

/* One input of this type. */
struct tail {
    struct input *in;
    char **patterns;
    size_t pattern_count;
    uv_timer_t poll, retry;
    uv_poll_t notified;
    uv_idle_t more; /* runs while some file has more to read, without starving the others of the loop */
    int inotify_fd;
    struct map watched; /* folder path → 1; every event leads to a look, so the watch number is not kept */
    struct tail_file **files;
    size_t count, capacity;
    struct tail_position *known; /* from cursors, newest last; device 0 = used up */
    size_t known_count;
    struct arena arena;       /* of the known positions' paths */
    struct tail_take waiting; /* turned away by the sink: nothing is read until it is taken */
    char *buffer;
    size_t buffer_bytes;
    bool has_scanned;
    bool has_complained; /* about too many files or an unreadable one */
};

#define WATCH_NAMES (IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE)

/* tail_find.c: looks which files there are; opens new ones at the right place, notices rotation. */
void tail_scan(struct tail *t);
/* False while the file might be a copy of another one that is still being read. */
bool tail_may_read(struct tail *t, struct tail_file *f);
/* Says once that something is wrong with the files. */
void tail_complain(struct tail *t, const char *sentence);

#endif

/* Segment files: their names, which exist, creating and deleting them. */
#ifndef JOURNAL_SEGMENT_H
#define JOURNAL_SEGMENT_H

#include <pthread.h>

#include "base/error.h"
#include "base/str.h"
#include "journal/journal.h"

#define SEGMENT_PATH_MAX 4352

struct segment {
    uint64_t first_sequence; /* the file's name */
    uint64_t last_sequence;  /* of its last whole frame; 0 = holds none */
    uint64_t bytes;
};

/* Oldest first. The journal's thread appends and grows the last one, any thread releases. */
struct segment_list {
    char *folder;
    pthread_mutex_t lock;
    struct segment *items;
    size_t count, capacity;
    uint64_t bytes; /* sum */
};

void segment_list_init(struct segment_list *l, const char *folder);
void segment_list_free(struct segment_list *l);
/* Reads the folder: names and sizes; last_sequence stays 0. Leftovers of unfinished creations are deleted. */
bool segment_list_load(struct segment_list *l, struct error *err) MUST_CHECK;
/* The newest segment got these bytes, up to this sequence. */
void segment_list_grow(struct segment_list *l, uint64_t bytes, uint64_t last_sequence);
void segment_list_add(struct segment_list *l,
                      struct segment s); /* replaces the last one if it has the same name */
uint64_t segment_list_bytes(struct segment_list *l);
/* Deletes the files that hold nothing above `stored_through`; the one being written only with `also_newest`.
 */
void segment_list_release(struct segment_list *l, uint64_t stored_through, bool also_newest);
void segment_path(const struct segment_list *l, uint64_t first_sequence, char out[SEGMENT_PATH_MAX]);

/* The file that is being written. */
struct segment_writer {
    int fd; /* −1 = none: the next group starts a new one */
    uint64_t first_sequence;
    uint64_t seed;
    uint64_t good_bytes; /* everything before is synced and acknowledged */
};

/* Creates the file under a temporary name, syncs its header, renames it, syncs the folder: a segment under
 * its own name always has a whole header. An empty predecessor of the same name is replaced. On false nothing
 * is left. */
bool segment_create(struct segment_writer *w, struct segment_list *l, uint64_t first_sequence,
                    const struct journal_io *io, struct error *err) MUST_CHECK;
void segment_close(struct segment_writer *w);

/* Writes all n bytes at `at`; errno tells why not. */
bool segment_write(const struct journal_io *io, int fd, const char *bytes, size_t n, uint64_t at) MUST_CHECK;

extern const struct journal_io journal_system_io;

#endif

/* Places in tailed files: as cursors in the journal, and recognised again after rotation, copying and
 * restarts. Input stage; used by tail_file.c and tail.c. */
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "input/tail.h"

#define CURSOR_VERSION 1

struct str tail_position_format(const struct tail_position *p, struct arena *arena)
{
    return arena_printf(arena,
                        "%d %" PRIu64 ":%" PRIu64 " %" PRIu64 " %" PRIu32 " %016" PRIx64 " %016" PRIx64
                        " %.*s",
                        CURSOR_VERSION, p->device, p->inode, p->offset, p->print_bytes, p->head_hash,
                        p->tail_hash, STR_ARGS(p->path));
}

static bool next_number(struct str *rest, char end, unsigned base, uint64_t *out)
{
    struct str word;
    return str_split(rest, end, &word) && str_to_u64(word, base, out);
}

bool tail_position_parse(struct str cursor, struct tail_position *out)
{
    struct tail_position p = {0};
    uint64_t version, print_bytes;
    struct str rest = cursor;
    if (!next_number(&rest, ' ', 10, &version) || version != CURSOR_VERSION ||
        !next_number(&rest, ':', 10, &p.device) || !next_number(&rest, ' ', 10, &p.inode) ||
        !next_number(&rest, ' ', 10, &p.offset) || !next_number(&rest, ' ', 10, &print_bytes) ||
        !next_number(&rest, ' ', 16, &p.head_hash) || !next_number(&rest, ' ', 16, &p.tail_hash))
        return false;
    if (!rest.p || rest.n == 0 || print_bytes > PRINT_BYTES || print_bytes > p.offset)
        return false;
    p.print_bytes = (uint32_t)print_bytes;
    p.path = rest;
    *out = p;
    return true;
}

bool tail_cursor_parse(struct str cursor, struct str *identity, uint64_t *offset, struct str *path)
{
    struct tail_position p;
    struct str rest = cursor;
    if (!tail_position_parse(cursor, &p) || !str_split(&rest, ' ', identity) ||
        !str_split(&rest, ' ', identity))
        return false;
    *offset = p.offset;
    *path = p.path;
    return true;
}

static bool hash_at(int fd, uint64_t at, size_t n, uint64_t *hash)
{
    char bytes[PRINT_BYTES];
    if (pread(fd, bytes, n, (off_t)at) != (ssize_t)n)
        return false;
    *hash = str_hash(str_n(bytes, n));
    return true;
}

bool tail_position_print(struct tail_position *p, int fd)
{
    p->print_bytes = p->offset < PRINT_BYTES ? (uint32_t)p->offset : PRINT_BYTES;
    return hash_at(fd, 0, p->print_bytes, &p->head_hash) &&
           hash_at(fd, p->offset - p->print_bytes, p->print_bytes, &p->tail_hash);
}

bool tail_position_holds(const struct tail_position *p, int fd)
{
    uint64_t head, tail;
    return hash_at(fd, 0, p->print_bytes, &head) && head == p->head_hash &&
           hash_at(fd, p->offset - p->print_bytes, p->print_bytes, &tail) && tail == p->tail_hash;
}

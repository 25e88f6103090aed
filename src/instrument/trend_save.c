/* A trend between two runs (stage instrument). Most of a record is zero: runs of zeroes are written as their
 * length, so that a key that is seen once a day costs hundreds of bytes and not five thousand. */
#include "base/memory.h"
#include "instrument/trend_state.h"

/* (zeroes, others) as two 16-bit numbers, then the others; until `n` bytes are told. */
static void pack(struct buf *out, const uint8_t *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        uint16_t run[2] = {0, 0};
        while (at + run[0] < n && run[0] < UINT16_MAX && p[at + run[0]] == 0)
            run[0]++;
        at += run[0];
        size_t quiet = 0; /* short gaps are not worth a new run */
        while (at + run[1] < n && run[1] < UINT16_MAX && quiet < 8) {
            quiet = p[at + run[1]] == 0 ? quiet + 1 : 0;
            run[1]++;
        }
        buf_bytes(out, run, sizeof run);
        buf_bytes(out, p + at, run[1]);
        at += run[1];
    }
}

static void unpack(struct cursor *in, uint8_t *p, size_t n)
{
    memset(p, 0, n);
    for (size_t at = 0; at < n && !in->is_bad;) {
        uint16_t run[2];
        cursor_bytes(in, run, sizeof run);
        if ((size_t)run[0] + run[1] > n - at || run[0] + run[1] == 0)
            in->is_bad = true;
        else
            cursor_bytes(in, p + at + run[0], run[1]);
        at += (size_t)run[0] + run[1];
    }
}

void trend_save(const struct trend *t, struct buf *out)
{
    const void *place = NULL;
    struct keyed_entry e;
    uint64_t count = keyed_count(t->keys);
    pack(out, (const uint8_t *)&t->n, sizeof t->n);
    buf_bytes(out, &count, sizeof count);
    while (keyed_next(t->keys, &place, &e)) {
        put_text(out, e.key);
        buf_bytes(out, &e.used_ns, sizeof e.used_ns);
        pack(out, e.record, sizeof(struct trend_key));
    }
}

static bool is_sound(const struct tally *t)
{
    return t->used <= TALLY_SOURCES;
}

bool trend_load(struct trend *t, struct cursor *in)
{
    keyed_clear(t->keys);
    unpack(in, (uint8_t *)&t->n, sizeof t->n);
    uint64_t count = cursor_u64(in);
    for (uint64_t i = 0; i < count && !in->is_bad; i++) {
        struct str name = cursor_text(in);
        int64_t used_ns = (int64_t)cursor_u64(in);
        if (in->is_bad)
            break;
        struct trend_key *key = keyed_put(t->keys, name, used_ns, NULL);
        unpack(in, (uint8_t *)key, sizeof *key);
        if (!is_sound(&key->fine[0]) || !is_sound(&key->fine[1]) || !is_sound(&key->hour))
            in->is_bad = true;
    }
    if (!in->is_bad)
        return true;
    keyed_clear(t->keys);
    memset(&t->n, 0, sizeof t->n);
    return false;
}

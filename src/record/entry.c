/* Stage: record. One entry: its canonical header and its hashes, as format.h says. Next: walk.c. */
#include "record/entry.h"

#include <stdio.h>

#include "base/memory.h"
#include "base/sha256.h"
#include "record/jcs.h"

bool record_is_action(struct str action)
{
    static const char *const actions[] = {"observe", "judge",  "instruct", "approve", "reject",
                                          "execute", "report", "contact",  "correct", "close"};
    for (size_t i = 0; i < COUNT_OF(actions); i++)
        if (str_eq(action, str_c(actions[i])))
            return true;
    return false;
}

void record_hash_text(const struct record_hash *h, char out[2 * RECORD_HASH_BYTES + 1])
{
    for (int i = 0; i < RECORD_HASH_BYTES; i++)
        snprintf(out + 2 * (size_t)i, 3, "%02x", h->bytes[i]);
}

/* ------------------------------------------------------------------ header */

static void put_time(struct buf *out, const void *at)
{
    char text[TIME_TEXT_MAX];
    int64_t time_ns = *(const int64_t *)at;
    jcs_string(out, str_n(text, time_format_iso(time_ns, text)));
}

static void put_text(struct buf *out, const void *at)
{
    jcs_string(out, *(const struct str *)at);
}

static void put_i64(struct buf *out, const void *at)
{
    buf_printf(out, "\"%lld\"", (long long)*(const int64_t *)at);
}

static void put_u64(struct buf *out, const void *at)
{
    buf_printf(out, "\"%llu\"", (unsigned long long)*(const uint64_t *)at);
}

static void put_hash(struct buf *out, const void *at)
{
    char text[2 * RECORD_HASH_BYTES + 1];
    record_hash_text(at, text);
    buf_printf(out, "\"%s\"", text);
}

/* In the order of their names, which is the canonical one. */
static const struct {
    const char *name;
    size_t offset;
    void (*put)(struct buf *out, const void *at);
} header_fields[] = {
    {"action", offsetof(struct record_entry, action), put_text},
    {"actor", offsetof(struct record_entry, actor), put_text},
    {"approved_by", offsetof(struct record_entry, approved_by), put_text},
    {"changes_hash", offsetof(struct record_entry, changes_hash), put_hash},
    {"clock_back_ns", offsetof(struct record_entry, clock_back_ns), put_i64},
    {"criteria_version", offsetof(struct record_entry, criteria_version), put_text},
    {"evidence", offsetof(struct record_entry, evidence), put_text},
    {"incident", offsetof(struct record_entry, incident), put_u64},
    {"incident_prev_hash", offsetof(struct record_entry, incident_prev_hash), put_hash},
    {"incident_seq", offsetof(struct record_entry, incident_seq), put_u64},
    {"instructed_by", offsetof(struct record_entry, instructed_by), put_text},
    {"on_behalf", offsetof(struct record_entry, on_behalf), put_text},
    {"reported_to", offsetof(struct record_entry, reported_to), put_text},
    {"role", offsetof(struct record_entry, role), put_text},
    {"seq", offsetof(struct record_entry, seq), put_u64},
    {"target", offsetof(struct record_entry, target), put_text},
    {"ts_event", offsetof(struct record_entry, event_ns), put_time},
    {"ts_recorded", offsetof(struct record_entry, recorded_ns), put_time},
    {"tz", offsetof(struct record_entry, tz), put_text},
};

void record_header(struct buf *out, const struct record_entry *e)
{
    buf_char(out, '{');
    for (size_t i = 0; i < COUNT_OF(header_fields); i++) {
        buf_printf(out, "\"%s\":", header_fields[i].name);
        header_fields[i].put(out, (const char *)e + header_fields[i].offset);
        buf_char(out, ',');
    }
    buf_printf(out, "\"v\":%d}", RECORD_VERSION);
}

/* ------------------------------------------------------------------ hashes */

static void hash_parts(struct str a, struct str b, struct str c, struct record_hash *out)
{
    struct sha256 *h = sha256_new();
    sha256_add(h, a);
    sha256_add(h, b);
    sha256_add(h, c);
    sha256_end(h, out->bytes);
}

static void hash_changes(const struct record_entry *e, struct record_hash *out)
{
    struct buf json = {0};
    buf_char(&json, '[');
    for (uint32_t i = 0; i < e->change_count; i++) {
        const struct record_change *c = &e->changes[i];
        const struct str texts[] = {c->field, c->old_value, c->new_value};
        buf_c(&json, i ? ",[" : "[");
        jcs_string(&json, c->table);
        buf_printf(&json, ",\"%llu\"", (unsigned long long)c->id);
        for (size_t k = 0; k < COUNT_OF(texts); k++) {
            buf_char(&json, ',');
            jcs_string(&json, texts[k]);
        }
        buf_char(&json, ']');
    }
    buf_char(&json, ']');
    hash_parts(buf_str(&json), STR_EMPTY, STR_EMPTY, out);
    buf_free(&json);
}

void record_seal(struct record_entry *e)
{
    struct buf header = {0};
    hash_changes(e, &e->changes_hash);
    if (!e->is_erased)
        hash_parts(e->salt, e->text, STR_EMPTY, &e->payload_hash);
    record_header(&header, e);
    hash_parts(str_n((const char *)e->prev_hash.bytes, RECORD_HASH_BYTES), buf_str(&header),
               str_n((const char *)e->payload_hash.bytes, RECORD_HASH_BYTES), &e->entry_hash);
    buf_free(&header);
}

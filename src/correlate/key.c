/* Events and findings → the key of a group. Stage: correlate. Next: hit.c. */
#include "base/ip.h"
#include "base/memory.h"
#include "correlate/hit.h"

const struct value *find_value(const struct event *e, const struct field_list *fields)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct value *v = event_get(e, fields->ids[i]);
        if (v)
            return v;
    }
    return NULL;
}

void begin_key(struct buf *key, const struct correlation *rule, bool is_exercise)
{
    uint64_t hash = rule->hash ^ (is_exercise ? EXERCISE_HASH : 0);
    buf_bytes(key, &hash, sizeof hash);
}

/* Texts compare without case, as in rules. The two bytes in front keep "a","bc" and "ab","c" apart. */
void add_key_part(struct buf *key, struct str text)
{
    text = str_slice(text, 0, 1000);
    uint16_t n = (uint16_t)text.n;
    buf_bytes(key, &n, sizeof n);
    for (size_t i = 0; i < text.n; i++)
        buf_char(key, ascii_lower(text.p[i]));
}

/* -------------------------------------------------------------- groups by host
 *
 * Two names: a host has a name and an address, and not every event knows both. A hit that knows both is in
 * the group of the name and, as a *second*, in that of the address; one that knows only one is in that one.
 * A chain in a group of an address is of hits that know no name and of seconds of one name: an address has
 * other owners at other times. What seconds of one name do alone is told in the name's group, and not again
 * in that of the address (sequence_match.c). */

static struct str host_of(const struct finding *f, enum variant variant)
{
    if (variant == VARIANT_ADDRESS)
        return f->host_name.n ? f->host_ip : STR_EMPTY;
    return f->host_name.n ? ip_host_label(f->host_name) : f->host_ip;
}

struct str first_text(const struct event *e, const field_id *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct str text = event_text(e, fields[i]);
        if (text.n)
            return text;
    }
    return STR_EMPTY;
}

static struct str destination_of(const struct event *e)
{
    static const field_id fields[] = {FIELD_DESTINATION_IP, FIELD_DESTINATION_DOMAIN, FIELD_URL_DOMAIN,
                                      FIELD_DNS_QUESTION_NAME};
    return first_text(e, fields, COUNT_OF(fields));
}

static struct str entity_of(enum by_kind kind, const struct event *e, const struct finding *f,
                            enum variant variant)
{
    switch (kind) {
    case BY_HOST:
        return host_of(f, variant);
    case BY_USER:
        return f->user.n ? f->user : event_text(e, FIELD_USER_NAME);
    case BY_DESTINATION:
        return destination_of(e);
    default:
        BUG("a field is no entity");
    }
}

/* An alias makes a field of an entity. */
struct str key_part(struct correlator *c, const struct route *r, uint32_t i, const struct event *e,
                    const struct finding *f, enum variant variant)
{
    const struct sequence *s = c->set->rules[r->correlation]->sequence;
    if (s && s->by[i] != BY_FIELD && r->group[i].count == 0)
        return entity_of(s->by[i], e, f, variant);
    const struct value *v = find_value(e, &r->group[i]);
    return v ? value_as_text(v, &c->batch->arena) : STR_EMPTY;
}

static bool knows_value(struct correlator *c, const struct route *r, uint32_t i, const struct event *e)
{
    return c->set->rules[r->correlation]->sequence == NULL && find_value(e, &r->group[i]) != NULL;
}

bool build_key(struct correlator *c, const struct route *r, const struct event *e, const struct finding *f,
               enum variant variant, struct buf *key)
{
    const struct correlation *rule = c->set->rules[r->correlation];
    begin_key(key, rule, f->is_exercise);
    for (uint32_t i = 0; i < rule->group_count; i++) {
        struct str part = key_part(c, r, i, e, f, variant);
        if (part.n == 0 && !knows_value(c, r, i, e))
            return false;
        add_key_part(key, part);
    }
    return true;
}

/* Whether a match is in the group of the host's address as well. */
bool has_two_names(const struct correlator *c, const struct route *r, const struct finding *f)
{
    const struct correlation *rule = c->set->rules[r->correlation];
    if (!rule->sequence || f->host_name.n == 0 || f->host_ip.n == 0 ||
        str_eq_nocase(f->host_name, f->host_ip))
        return false;
    for (uint32_t i = 0; i < rule->group_count; i++)
        if (rule->sequence->by[i] == BY_HOST && r->group[i].count == 0)
            return true;
    return false;
}

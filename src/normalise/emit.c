/* Slots → event. Stage: normalise. Reads the filled slots and the unmentioned names, adds typed values and
 * related.*. Next: normalise.c. */
#include "base/ip.h"
#include "normalise/run.h"

#define RELATED_MAX 64

struct related_list {
    struct str items[RELATED_MAX];
    uint32_t count;
};

struct emission {
    struct run *r;
    struct event *event;
    struct related_list related[RELATED_HASH + 1];
};

static void relate(struct emission *m, uint8_t kind, struct str text)
{
    struct related_list *list = &m->related[kind];
    struct ip ip;
    if (kind == RELATED_HOSTS &&
        (ascii_is_digit(text.p[0]) || str_find_char(text, ':', 0) != STR_NOT_FOUND) && ip_parse(text, &ip))
        return;
    for (uint32_t i = 0; i < list->count; i++)
        if (str_eq(list->items[i], text))
            return;
    if (list->count < RELATED_MAX)
        list->items[list->count++] = text;
}

/* ECS writes MAC addresses in capitals with dashes. */
static struct str mac_text(struct str s, struct arena *arena)
{
    char digits[16];
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = ascii_upper(s.p[i]);
        if (c == ':' || c == '-' || c == '.')
            continue;
        if (n == sizeof digits || !(ascii_is_digit(c) || (c >= 'A' && c <= 'F')))
            return s;
        digits[n++] = c;
    }
    if (n != 12 && n != 16)
        return s;
    char *out = arena_alloc(arena, n * 3 / 2);
    size_t length = 0;
    for (size_t i = 0; i < n; i += 2) {
        if (i)
            out[length++] = '-';
        out[length++] = digits[i];
        out[length++] = digits[i + 1];
    }
    return str_n(out, length);
}

static void emit_value(struct emission *m, const struct slot *slot, struct str text)
{
    struct arena *arena = m->r->arena;
    if (!text.n)
        return;
    if (slot->is_mac)
        text = mac_text(text, arena);
    uint16_t before = m->event->count;
    if (!event_add(m->event, arena, slot->field, text)) {
        struct run *r = m->r;
        if (slot->type == TYPE_IP && slot->address_twin != SLOT_NONE && !slot_is_set(r, slot->address_twin))
            event_add(m->event, arena, r->parser->slots[slot->address_twin].field, text);
        return;
    }
    if (slot->related && m->event->count > before)
        relate(m, slot->related, value_text(&m->event->values[m->event->count - 1]));
}

static void emit_slot(struct emission *m, slot_id id)
{
    struct run *r = m->r;
    const struct slot *slot = &r->parser->slots[id];
    const struct cell *c = &r->s->cells[id];
    if (slot->field == FIELD_NONE) {
        if (slot->kept_as == FIELD_NONE)
            return;
        event_add(m->event, r->arena, slot->kept_as, slot_text(r, id));
        for (c = c->more; c; c = c->more)
            event_add(m->event, r->arena, slot->kept_as, c->text);
        return;
    }
    if (c->is_time && slot->type == TYPE_DATE) {
        event_add_number(m->event, r->arena, slot->field, c->time_ns);
        return;
    }
    emit_value(m, slot, slot_text(r, id));
    if (slot->is_array)
        for (c = c->more; c; c = c->more)
            emit_value(m, slot, c->text);
}

/* Names of the record that nobody mentions -------- */

/* A name as part of a field name: letters, digits, _ - @ and dots between them, 100 bytes at most. The names
 * of a part are the vendor's own, so they may have spaces. */
static size_t clean_name(struct str name, bool keeps_spaces, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < name.n && n < 100; i++) {
        char c = name.p[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ascii_is_digit(c) || c == '_' ||
                    c == '-' || c == '@' || (c & 0x80) || (keeps_spaces && c == ' ');
        if (c == '.' && (n == 0 || out[n - 1] == '.'))
            continue;
        out[n++] = fine || c == '.' ? c : '_';
    }
    while (n && (out[n - 1] == '.' || (out[n - 1] & 0x80 && !str_is_utf8(str_n(out, n)))))
        n--;
    return n;
}

/* Names that shippers of ECS documents use beside ECS keep their own place. */
static bool keeps_own_name(struct str name)
{
    static const struct str roots[] = {{"winlog.", 7}, {"kubernetes.", 11}, {"aws.", 4}, {"azure.", 6},
                                       {"gcp.", 4},    {"okta.", 5},        {"o365.", 5}};
    for (size_t i = 0; i < COUNT_OF(roots); i++)
        if (str_starts(name, roots[i]))
            return true;
    return false;
}

static field_id intern_under(struct str prefix, struct str name, bool keeps_spaces)
{
    char text[256];
    if (prefix.n > 100)
        return FIELD_NONE;
    if (prefix.n)
        memcpy(text, prefix.p, prefix.n);
    size_t length = clean_name(name, keeps_spaces, text + prefix.n);
    return length ? field_intern(str_n(text, prefix.n + length)) : FIELD_NONE;
}

static field_id intern_kept(struct run *r, const struct extra *x)
{
    const struct parser *p = r->parser;
    if (x->part)
        return intern_under(p->parts[x->part - 1].keep_prefix, x->name, true);
    if (p->is_ecs) {
        field_id declared = field_find(x->name);
        if (declared && declared < FIELD_STATIC_COUNT)
            return declared;
        if (keeps_own_name(x->name))
            return intern_under(STR_EMPTY, x->name, false);
    }
    bool is_the_shippers = p->part_count && (r->has_parts || str_find_char(x->name, '.', 0) != STR_NOT_FOUND);
    if (!p->keeps || is_the_shippers)
        return FIELD_NONE;
    return intern_under(p->kept_under, x->name, p->keeps_mapped);
}

/* Per thread: (parser, part, name) → field. Full: further new names are not kept as fields; event.original
 * has them. */
static field_id kept_field(struct run *r, const struct extra *x)
{
    struct normaliser_scratch *s = r->s;
    struct str name = x->name;
    if (!x->part && (name.p[0] == '_' || map_find(&r->parser->dropped, name)))
        return FIELD_NONE;
    uint64_t place = (uint64_t)r->parser->number << 8 | (x->part & 63) << 1 | r->has_parts;
    uint64_t hash = (str_hash(name) ^ place << 40) | 1;
    for (uint32_t i = (uint32_t)hash >> 1 & (KEEP_CACHE - 1);; i = (i + 1) & (KEEP_CACHE - 1)) {
        struct kept_name *k = &s->kept[i];
        if (k->hash == hash && str_eq(k->name, name))
            return k->field;
        if (k->hash)
            continue;
        if (s->kept_count >= KEEP_CACHE * 3 / 4)
            return FIELD_NONE;
        s->kept_count++;
        *k = (struct kept_name){.hash = hash,
                                .name = arena_str(&s->kept_arena, name),
                                .field = intern_kept(r, x)};
        return k->field;
    }
}

static void emit_extras(struct emission *m)
{
    struct normaliser_scratch *s = m->r->s;
    for (uint32_t i = 0; i < s->extra_count; i++) {
        field_id id = s->extras[i].name.n ? kept_field(m->r, &s->extras[i]) : FIELD_NONE;
        if (id != FIELD_NONE)
            event_add(m->event, m->r->arena, id, s->extras[i].text);
    }
}

static void emit_syslog(struct emission *m)
{
    const struct syslog *y = m->r->syslog;
    struct arena *arena = m->r->arena;
    struct event *e = m->event;
    if (y->has_priority)
        event_add_number(e, arena, FIELD_LOG_SYSLOG_PRIORITY, y->facility * 8 + y->severity);
    if (y->host.n)
        event_add(e, arena, FIELD_LOG_SYSLOG_HOSTNAME, y->host);
    if (y->app.n)
        event_add(e, arena, FIELD_LOG_SYSLOG_APPNAME, y->app);
    if (y->msgid.n)
        event_add(e, arena, FIELD_LOG_SYSLOG_MSGID, y->msgid);
}

static void emit_related(struct emission *m)
{
    static const field_id fields[] = {FIELD_NONE, FIELD_RELATED_IP, FIELD_RELATED_USER, FIELD_RELATED_HOSTS,
                                      FIELD_RELATED_HASH};
    for (unsigned kind = RELATED_IP; kind <= RELATED_HASH; kind++)
        for (uint32_t i = 0; i < m->related[kind].count; i++)
            event_add(m->event, m->r->arena, fields[kind], m->related[kind].items[i]);
}

void run_emit(struct run *r, struct event *out)
{
    struct emission m = {.r = r, .event = out};
    for (unsigned kind = RELATED_NONE; kind <= RELATED_HASH; kind++)
        m.related[kind].count = 0;
    emit_syslog(&m);
    for (uint32_t i = 0; i < r->s->touched_count; i++)
        emit_slot(&m, r->s->touched[i]);
    emit_extras(&m);
    emit_related(&m);
}

/* Binary XML → XML. Stage: parse. Reads tokens of [MS-EVEN6] 2.2.12 in a chunk, leaves text in r->xml.
 * Nothing that the bytes say about sizes and places is believed before it was compared with the chunk; depth,
 * tokens and text of one record are limited, so that templates which contain themselves end. Next:
 * evtx_value.c. */
#include "parse/evtx_internal.h"

#include "base/memory.h"
#include "base/utf16.h"

#define DEPTH_MAX 24     /* elements and fragments inside each other; less than XML_MAX_DEPTH */
#define STEPS_MAX 100000 /* tokens of one record */
#define NAME_MAX  256    /* characters */

enum {
    TOKEN_END = 0x00,
    TOKEN_OPEN_ELEMENT = 0x01,
    TOKEN_CLOSE_START = 0x02,
    TOKEN_CLOSE_EMPTY = 0x03,
    TOKEN_END_ELEMENT = 0x04,
    TOKEN_VALUE = 0x05,
    TOKEN_ATTRIBUTE = 0x06,
    TOKEN_CDATA = 0x07,
    TOKEN_CHARACTER = 0x08,
    TOKEN_ENTITY = 0x09,
    TOKEN_PI_TARGET = 0x0a,
    TOKEN_PI_DATA = 0x0b,
    TOKEN_TEMPLATE = 0x0c,
    TOKEN_SUBSTITUTION = 0x0d,
    TOKEN_OPTIONAL_SUBSTITUTION = 0x0e,
    TOKEN_FRAGMENT = 0x0f,
    MORE_FLAG = 0x40, /* attributes follow the element's start, or more content follows */
};

/* What is being read: a piece of the chunk, and the values that its substitutions mean. */
struct fragment {
    size_t at, end;
    uint32_t first_value, value_count;
    unsigned depth;
};

/* Where an element's text begins, to write it again for each item of an array ([MS-EVEN6] 2.2.12, arrays). */
struct open_element {
    size_t start, content;
    struct str name;
};

static bool has(const struct fragment *f, size_t n)
{
    return n <= f->end - f->at;
}

/* Names -------- */

/* The hash that stands beside a name tells names from other bytes. */
static bool name_is_sound(struct str chunk, size_t at, uint32_t *characters)
{
    if (at < 128 || at + 10 > chunk.n)
        return false;
    uint32_t n = evtx_u16(chunk, at + 6);
    if (n == 0 || n > NAME_MAX || at + 8 + 2 * (size_t)n > chunk.n)
        return false;
    uint32_t hash = 0;
    for (uint32_t i = 0; i < n; i++)
        hash = hash * 65599 + evtx_u16(chunk, at + 8 + 2 * (size_t)i);
    *characters = n;
    return (hash & 0xFFFF) == evtx_u16(chunk, at + 4);
}

/* Letters that would end a name are replaced, so that the text stays well-formed whatever a file says. */
static struct str name_text(struct evtx_reader *r, size_t at, uint32_t characters)
{
    char *out = arena_alloc(&r->arena, 3 * (size_t)characters + 4);
    size_t n = 0, from = 0;
    struct str bytes = str_slice(r->chunk, at + 8, at + 8 + 2 * (size_t)characters);
    while (from < bytes.n) {
        uint32_t code = utf16_next(bytes, &from, false);
        if (code <= ' ' || (code < 0x80 && strchr("<>&\"'/=", (int)code)))
            code = '_';
        n += utf8_put(code, out + n);
    }
    return str_n(out, n);
}

static const struct evtx_name *find_name(struct evtx_reader *r, uint32_t offset)
{
    struct evtx_name *slot = &r->names[(offset * 2654435761u >> 16) % EVTX_NAME_SLOTS];
    if (slot->offset == offset && offset)
        return slot;
    uint32_t characters;
    if (!name_is_sound(r->chunk, offset, &characters))
        return NULL;
    *slot = (struct evtx_name){offset, 10 + 2 * characters, name_text(r, offset, characters)};
    return slot;
}

/* A name's place, and the name itself where it stands in line for the first time. */
static bool take_name(struct evtx_reader *r, struct fragment *f, struct str *name)
{
    if (!has(f, 4))
        return false;
    uint32_t offset = evtx_u32(r->chunk, f->at);
    const struct evtx_name *found = find_name(r, offset);
    if (found == NULL)
        return false;
    f->at += 4;
    if (offset == f->at) {
        if (!has(f, found->bytes))
            return false;
        f->at += found->bytes;
    }
    *name = found->text;
    return true;
}

/* Text and values -------- */

/* A count of characters and the characters. */
static bool take_text(struct evtx_reader *r, struct fragment *f, struct str *text)
{
    if (!has(f, 2))
        return false;
    size_t n = 2 * (size_t)evtx_u16(r->chunk, f->at);
    f->at += 2;
    if (!has(f, n))
        return false;
    *text = str_slice(r->chunk, f->at, f->at + n);
    f->at += n;
    return true;
}

static bool add_text(struct evtx_reader *r, struct fragment *f)
{
    struct str text;
    if (!take_text(r, f, &text))
        return false;
    evtx_text_add(&r->xml, text);
    return true;
}

static bool add_value_token(struct evtx_reader *r, struct fragment *f)
{
    if (!has(f, 1))
        return false;
    f->at++; /* the type: always a string */
    return add_text(r, f);
}

static bool add_character(struct evtx_reader *r, struct fragment *f)
{
    if (!has(f, 2))
        return false;
    buf_c(&r->xml, "&#");
    buf_u64(&r->xml, evtx_u16(r->chunk, f->at));
    buf_char(&r->xml, ';');
    f->at += 2;
    return true;
}

static bool add_entity(struct evtx_reader *r, struct fragment *f)
{
    struct str name;
    if (!take_name(r, f, &name))
        return false;
    buf_char(&r->xml, '&');
    buf_add(&r->xml, name);
    buf_char(&r->xml, ';');
    return true;
}

static bool render(struct evtx_reader *r, struct fragment *f, struct open_element *parent);

static void add_close(struct buf *out, struct str name)
{
    char *to = buf_reserve(out, name.n + 3);
    to[0] = '<';
    to[1] = '/';
    memcpy(to + 2, name.p, name.n);
    to[name.n + 2] = '>';
    out->n += name.n + 3;
}

/* Each further item of an array stands in an element of its own, with the same attributes. */
static void add_array(struct evtx_reader *r, unsigned type, struct str bytes, const struct open_element *e)
{
    struct str rest = bytes, item;
    bool is_first = true;
    while (r->xml.n < EVTX_XML_BYTES && evtx_array_next(type, &rest, &item)) {
        if (!is_first && e != NULL) {
            size_t n = e->content - e->start;
            add_close(&r->xml, e->name);
            char *to = buf_reserve(&r->xml, n);
            memcpy(to, r->xml.p + e->start, n);
            r->xml.n += n;
        } else if (!is_first) {
            buf_char(&r->xml, ' ');
        }
        evtx_value_add(&r->xml, type & ~(unsigned)EVTX_ARRAY, item);
        is_first = false;
    }
}

/* The value that a substitution means; `*is_null` tells that there is none. `element` is where it stands,
 * NULL in an attribute. */
static bool add_substitution(struct evtx_reader *r, struct fragment *f, struct open_element *element,
                             bool *is_null)
{
    if (!has(f, 3))
        return false;
    uint16_t index = evtx_u16(r->chunk, f->at);
    f->at += 3; /* with the type, which the value itself tells as well */
    *is_null = true;
    if (index >= f->value_count)
        return true;
    const struct evtx_value *v = &r->values[f->first_value + index];
    struct str bytes = str_slice(r->chunk, v->offset, v->offset + v->size);
    *is_null = v->type == EVTX_NULL || v->size == 0;
    if (v->type == EVTX_BINARY_XML && v->size) {
        if (f->depth >= DEPTH_MAX)
            return false;
        struct fragment inner = {.at = v->offset, .end = v->offset + v->size, .depth = f->depth + 1};
        return render(r, &inner, NULL);
    }
    if (v->type & EVTX_ARRAY)
        add_array(r, v->type, bytes, element);
    else
        evtx_value_add(&r->xml, v->type, bytes);
    return true;
}

/* Elements -------- */

/* name="value"; left out when all of the value is optional and absent. */
static bool add_attribute(struct evtx_reader *r, struct fragment *f)
{
    struct str name;
    size_t before = r->xml.n;
    if (!take_name(r, f, &name))
        return false;
    buf_char(&r->xml, ' ');
    buf_add(&r->xml, name);
    buf_bytes(&r->xml, "=\"", 2);
    size_t content = r->xml.n;
    bool is_good = true, goes_on = true, is_absent = false;
    while (is_good && goes_on && has(f, 1)) {
        unsigned token = (unsigned char)r->chunk.p[f->at];
        bool is_null = false;
        f->at++;
        r->steps++;
        switch (token & ~(unsigned)MORE_FLAG) {
        case TOKEN_VALUE:
            is_good = add_value_token(r, f);
            break;
        case TOKEN_SUBSTITUTION:
            is_good = add_substitution(r, f, NULL, &is_null);
            break;
        case TOKEN_OPTIONAL_SUBSTITUTION:
            is_good = add_substitution(r, f, NULL, &is_null);
            is_absent = is_absent || is_null;
            break;
        case TOKEN_CHARACTER:
            is_good = add_character(r, f);
            break;
        case TOKEN_ENTITY:
            is_good = add_entity(r, f);
            break;
        default:
            f->at--;
            goes_on = false;
        }
    }
    if (is_absent && r->xml.n == content)
        r->xml.n = before;
    else
        buf_char(&r->xml, '"');
    return is_good;
}

static bool add_attributes(struct evtx_reader *r, struct fragment *f)
{
    while (has(f, 1)) {
        unsigned token = (unsigned char)r->chunk.p[f->at];
        if ((token & ~(unsigned)MORE_FLAG) != TOKEN_ATTRIBUTE)
            return true;
        f->at++;
        if (++r->steps > STEPS_MAX || r->xml.n > EVTX_XML_BYTES || !add_attribute(r, f))
            return false;
    }
    return true;
}

/* Dependency id (2 bytes), size (4), name. Fragments that are values themselves may come without the id: the
 * name tells, because it carries its hash. */
static bool take_element_name(struct evtx_reader *r, struct fragment *f, struct str *name)
{
    struct fragment with = *f, without = *f;
    with.at += 6;
    without.at += 4;
    if (has(f, 10) && take_name(r, &with, name)) {
        f->at = with.at;
        return true;
    }
    if (has(f, 8) && take_name(r, &without, name)) {
        f->at = without.at;
        return true;
    }
    return false;
}

static bool add_element(struct evtx_reader *r, struct fragment *f, bool has_attributes)
{
    struct open_element e = {.start = r->xml.n};
    if (f->depth >= DEPTH_MAX || !take_element_name(r, f, &e.name))
        return false;
    buf_char(&r->xml, '<');
    buf_add(&r->xml, e.name);
    if (has_attributes) {
        if (!has(f, 4))
            return false;
        f->at += 4; /* bytes of the attribute list */
        if (!add_attributes(r, f))
            return false;
    }
    if (!has(f, 1))
        return false;
    unsigned token = (unsigned char)r->chunk.p[f->at++];
    if (token == TOKEN_CLOSE_EMPTY) {
        buf_c(&r->xml, "/>");
        return true;
    }
    if (token != TOKEN_CLOSE_START)
        return false;
    buf_char(&r->xml, '>');
    e.content = r->xml.n;
    f->depth++;
    bool is_good = render(r, f, &e);
    f->depth--;
    if (is_good)
        add_close(&r->xml, e.name);
    return is_good;
}

/* Templates -------- */

/* The values of a template instance: their number, sizes and types, then their bytes. */
static bool take_values(struct evtx_reader *r, struct fragment *f, struct fragment *body)
{
    if (!has(f, 4))
        return false;
    uint32_t count = evtx_u32(r->chunk, f->at);
    f->at += 4;
    if (count > EVTX_VALUES_MAX - r->value_count || !has(f, 4 * (size_t)count))
        return false;
    size_t at = f->at + 4 * (size_t)count;
    body->first_value = r->value_count;
    body->value_count = count;
    for (uint32_t i = 0; i < count; i++, f->at += 4) {
        uint16_t size = evtx_u16(r->chunk, f->at);
        if (size > f->end - at)
            return false;
        r->values[r->value_count++] =
            (struct evtx_value){(uint32_t)at, size, (unsigned char)r->chunk.p[f->at + 2]};
        at += size;
    }
    f->at = at;
    return true;
}

/* One byte, the template's id (4) and place (4); the template itself stands here when it is used for the
 * first time: place of the next (4), GUID (16), size (4), its fragment. */
static bool add_template(struct evtx_reader *r, struct fragment *f)
{
    if (!has(f, 9) || f->depth >= DEPTH_MAX)
        return false;
    size_t place = evtx_u32(r->chunk, f->at + 5);
    f->at += 9;
    if (place < 128 || place + 24 > r->chunk.n)
        return false;
    size_t size = evtx_u32(r->chunk, place + 20);
    if (size > r->chunk.n - place - 24)
        return false;
    struct fragment body = {.at = place + 24, .end = place + 24 + size, .depth = f->depth + 1};
    if (place == f->at) {
        if (!has(f, 24 + size))
            return false;
        f->at += 24 + size;
    }
    return take_values(r, f, &body) && render(r, &body, NULL);
}

static bool skip_instruction(struct evtx_reader *r, struct fragment *f, bool is_target)
{
    struct str name;
    return is_target ? take_name(r, f, &name) : take_text(r, f, &name);
}

static bool skip_fragment_header(struct fragment *f)
{
    if (!has(f, 3))
        return false;
    f->at += 3;
    return true;
}

static bool render_token(struct evtx_reader *r, struct fragment *f, struct open_element *parent,
                         unsigned token)
{
    bool is_null;
    switch (token & ~(unsigned)MORE_FLAG) {
    case TOKEN_OPEN_ELEMENT:
        return add_element(r, f, (token & MORE_FLAG) != 0);
    case TOKEN_VALUE:
        return add_value_token(r, f);
    case TOKEN_CDATA:
        return add_text(r, f);
    case TOKEN_CHARACTER:
        return add_character(r, f);
    case TOKEN_ENTITY:
        return add_entity(r, f);
    case TOKEN_PI_TARGET:
        return skip_instruction(r, f, true);
    case TOKEN_PI_DATA:
        return skip_instruction(r, f, false);
    case TOKEN_TEMPLATE:
        return add_template(r, f);
    case TOKEN_SUBSTITUTION:
    case TOKEN_OPTIONAL_SUBSTITUTION:
        return add_substitution(r, f, parent, &is_null);
    case TOKEN_FRAGMENT:
        return skip_fragment_header(f);
    default:
        return false;
    }
}

/* Tokens up to the end of the fragment, or of the element `parent`. */
static bool render(struct evtx_reader *r, struct fragment *f, struct open_element *parent)
{
    while (has(f, 1)) {
        unsigned token = (unsigned char)r->chunk.p[f->at++];
        if (token == TOKEN_END)
            return parent == NULL;
        if (token == TOKEN_END_ELEMENT)
            return parent != NULL;
        if (++r->steps > STEPS_MAX || r->xml.n > EVTX_XML_BYTES || !render_token(r, f, parent, token))
            return false;
    }
    return parent == NULL; /* a fragment may end without its mark, an element may not */
}

bool evtx_render(struct evtx_reader *r, size_t from, size_t to)
{
    struct fragment f = {.at = from, .end = to};
    buf_clear(&r->xml);
    r->steps = 0;
    r->value_count = 0;
    return render(r, &f, NULL);
}

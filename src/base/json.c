/* Ground floor: reading JSON. json_scan.cpp finds the structure, this file walks it: once into flat leaves
 * with dotted names, once into a small tree. The document is copied into the arena first; strings without
 * escapes stay where they are in that copy, escapes are undone in place. Writing is json_write.c. */
#include "base/json.h"

#include "base/json_scan.h"

#define MAX_DOCUMENT_BYTES (64u << 20)
#define MAX_NAME_BYTES     1024 /* of a dotted path: bounds what names can cost */
#define TREE_MAX_DEPTH     64
#define TREE_MAX_NODES     200000

struct json_reader {
    struct json_scanner *scanner;
};

/* A walk through one document. */
struct cursor {
    char *text; /* the arena's copy */
    size_t n;
    const uint32_t *offsets; /* of structural characters, then the end */
    size_t at, count;
    uint32_t depth_left, room_left; /* what the limits still allow */
    bool has_escapes;               /* anywhere: without, no string needs a look */
    struct arena *arena;
    struct json_leaves *leaves;
    struct error *err;
};

struct json_reader *json_reader_new(void)
{
    struct json_reader *r = NEW(struct json_reader);
    r->scanner = json_scanner_new();
    if (!r->scanner)
        BUG("out of memory for a JSON reader");
    return r;
}

void json_reader_free(struct json_reader *r)
{
    if (!r)
        return;
    json_scanner_free(r->scanner);
    memory_free(r);
}

static bool fail(struct cursor *c, const char *what)
{
    error_set(c->err, "not valid JSON at byte %zu: %s", (size_t)c->offsets[c->at] + 1, what);
    return false;
}

/* The structural character under the cursor, '\0' at the end. */
static inline char peek(const struct cursor *c)
{
    return c->at < c->count ? c->text[c->offsets[c->at]] : '\0';
}

static inline bool is_json_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The bytes of the string, number or word under the cursor: up to the next structural character, less white
 * space. */
static inline struct str token(const struct cursor *c)
{
    size_t from = c->offsets[c->at], to = c->offsets[c->at + 1];
    while (is_json_space(c->text[to - 1])) /* the first byte is none, so this ends */
        to--;
    return str_n(c->text + from, to - from);
}

static int hex_digit(char c)
{
    if (ascii_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int32_t hex4(const char *p, const char *end)
{
    int32_t value = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static char *put_utf8(char *p, uint32_t code)
{
    if (code < 0x80) {
        *p++ = (char)code;
    } else if (code < 0x800) {
        *p++ = (char)(0xc0 | code >> 6);
        *p++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *p++ = (char)(0xe0 | code >> 12);
        *p++ = (char)(0x80 | (code >> 6 & 0x3f));
        *p++ = (char)(0x80 | (code & 0x3f));
    } else {
        *p++ = (char)(0xf0 | code >> 18);
        *p++ = (char)(0x80 | (code >> 12 & 0x3f));
        *p++ = (char)(0x80 | (code >> 6 & 0x3f));
        *p++ = (char)(0x80 | (code & 0x3f));
    }
    return p;
}

/* "\uXXXX" with *from behind the 'u'. Half a surrogate pair, which Windows and JavaScript do write, becomes
 * U+FFFD. */
static bool unescape_code(const char **from, const char *end, char **to)
{
    int32_t code = hex4(*from, end);
    if (code < 0)
        return false;
    *from += 4;
    if (code >= 0xd800 && code <= 0xdbff && end - *from >= 6 && (*from)[0] == '\\' && (*from)[1] == 'u') {
        int32_t low = hex4(*from + 2, end);
        if (low >= 0xdc00 && low <= 0xdfff) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            *from += 6;
        }
    }
    if (code >= 0xd800 && code <= 0xdfff)
        code = 0xfffd;
    *to = put_utf8(*to, (uint32_t)code);
    return true;
}

/* In place: what an escape stands for is never longer than the escape. */
static bool unescape(char *p, size_t *n)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *from = p, *end = p + *n;
    char *to = p;
    while (from < end) {
        const char *stop = memchr(from, '\\', (size_t)(end - from));
        size_t run = (size_t)((stop ? stop : end) - from);
        memmove(to, from, run);
        to += run;
        from += run;
        if (!stop)
            break;
        if (end - from < 2)
            return false;
        char letter = from[1];
        from += 2;
        const char *found = memchr(letters, letter, sizeof letters - 1);
        if (found)
            *to++ = meant[found - letters];
        else if (letter != 'u' || !unescape_code(&from, end, &to))
            return false;
    }
    *n = (size_t)(to - p);
    return true;
}

/* Takes the string under the cursor. */
static inline bool take_string(struct cursor *c, struct str *out)
{
    struct str quoted = token(c);
    if (quoted.n < 2 || quoted.p[quoted.n - 1] != '"')
        return fail(c, "a string ends badly");
    char *p = c->text + c->offsets[c->at] + 1;
    size_t n = quoted.n - 2;
    if (c->has_escapes && memchr(p, '\\', n) && !unescape(p, &n))
        return fail(c, "a string has an unknown escape");
    c->at++;
    out->p = p;
    out->n = n;
    return true;
}

static size_t digits(struct str s, size_t at)
{
    size_t n = 0;
    while (at + n < s.n && ascii_is_digit(s.p[at + n]))
        n++;
    return n;
}

/* RFC 8259 section 6. */
static bool is_number(struct str s)
{
    size_t at = s.p[0] == '-', n = digits(s, at);
    if (!n || (n > 1 && s.p[at] == '0'))
        return false;
    at += n;
    if (at < s.n && s.p[at] == '.') {
        n = digits(s, at + 1);
        if (!n)
            return false;
        at += 1 + n;
    }
    if (at < s.n && (s.p[at] | 32) == 'e') {
        at++;
        at += at < s.n && (s.p[at] == '+' || s.p[at] == '-');
        n = digits(s, at);
        if (!n)
            return false;
        at += n;
    }
    return at == s.n;
}

/* Takes the scalar under the cursor. */
static inline bool take_scalar(struct cursor *c, enum json_kind *kind, struct str *text)
{
    char first = peek(c);
    if (first == '"') {
        *kind = JSON_STRING;
        return take_string(c, text);
    }
    if (!first)
        return fail(c, "it ends too early");
    *text = token(c);
    if (first == '-' || ascii_is_digit(first)) {
        *kind = JSON_NUMBER;
        if (!is_number(*text))
            return fail(c, "a number is written badly");
    } else if (str_eq(*text, STR("true")) || str_eq(*text, STR("false"))) {
        *kind = JSON_BOOL;
    } else if (str_eq(*text, STR("null"))) {
        *kind = JSON_NULL;
        *text = STR_EMPTY;
    } else {
        return fail(c, "a value is expected here");
    }
    c->at++;
    return true;
}

/* Takes the key and the colon of a member. */
static inline bool take_key(struct cursor *c, struct str *key)
{
    if (peek(c) != '"')
        return fail(c, "a name in quotation marks is expected here");
    if (!take_string(c, key))
        return false;
    if (peek(c) != ':')
        return fail(c, "a colon is expected here");
    c->at++;
    return true;
}

/* Enters an object or array; *is_empty tells that it has been left again already. */
static inline bool enter(struct cursor *c, char closing, bool *is_empty)
{
    if (!c->depth_left)
        return fail(c, "it is nested deeper than allowed");
    c->at++;
    *is_empty = peek(c) == closing;
    c->at += *is_empty;
    c->depth_left -= !*is_empty;
    return true;
}

/* Behind a member or element: a comma, or the end (*is_last). */
static inline bool advance(struct cursor *c, char closing, bool *is_last)
{
    char next = peek(c);
    *is_last = next == closing;
    if (next != ',' && next != closing)
        return fail(c, closing == '}' ? "a comma or } is expected here" : "a comma or ] is expected here");
    c->depth_left += *is_last;
    c->at++;
    return true;
}

static void grow_leaves(struct cursor *c)
{
    struct json_leaves *leaves = c->leaves;
    uint32_t capacity = leaves->capacity ? leaves->capacity * 2 : 64;
    struct json_leaf *moved = arena_alloc(c->arena, capacity * sizeof *moved);
    if (leaves->count)
        memcpy(moved, leaves->items, leaves->count * sizeof *moved);
    leaves->items = moved;
    leaves->capacity = capacity;
}

/* Takes the scalar under the cursor as a new leaf. Members are written where they stay, one by one:
 * assembling a leaf on the stack and copying it costs a stalled load for each. */
static inline bool take_leaf(struct cursor *c, struct str name, bool in_array)
{
    struct json_leaves *leaves = c->leaves;
    if (!c->room_left)
        return fail(c, "it has more values than allowed");
    c->room_left--;
    if (leaves->count == leaves->capacity)
        grow_leaves(c);
    struct json_leaf *leaf = &leaves->items[leaves->count];
    leaf->name.p = name.p;
    leaf->name.n = name.n;
    leaf->in_array = in_array;
    leaves->count++;
    return take_scalar(c, &leaf->kind, &leaf->text);
}

static inline bool dotted(struct cursor *c, struct str prefix, struct str key, struct str *name)
{
    if (prefix.n + key.n >= MAX_NAME_BYTES)
        return fail(c, "the path of names is longer than 1,024 bytes");
    if (!prefix.n) {
        *name = key;
        return true;
    }
    char *p = arena_alloc(c->arena, prefix.n + 1 + key.n);
    memcpy(p, prefix.p, prefix.n);
    p[prefix.n] = '.';
    memcpy(p + prefix.n + 1, key.p, key.n);
    *name = str_n(p, prefix.n + 1 + key.n);
    return true;
}

static bool flatten_value(struct cursor *c, struct str name, bool in_array);

static bool flatten_object(struct cursor *c, struct str prefix, bool in_array)
{
    bool is_done = false;
    if (!enter(c, '}', &is_done))
        return false;
    while (!is_done) {
        struct str key, name;
        if (!take_key(c, &key) || !dotted(c, prefix, key, &name) || !flatten_value(c, name, in_array) ||
            !advance(c, '}', &is_done))
            return false;
    }
    return true;
}

static bool flatten_array(struct cursor *c, struct str name)
{
    bool is_done = false;
    if (!enter(c, ']', &is_done))
        return false;
    while (!is_done)
        if (!flatten_value(c, name, true) || !advance(c, ']', &is_done))
            return false;
    return true;
}

static bool flatten_value(struct cursor *c, struct str name, bool in_array)
{
    char first = peek(c);
    if (first == '{')
        return flatten_object(c, name, in_array);
    if (first == '[')
        return flatten_array(c, name);
    return take_leaf(c, name, in_array);
}

/* Copies the document and finds its structure. */
static bool open_document(struct cursor *c, struct json_scanner *scanner, struct str s)
{
    if (str_starts(s, STR("\xef\xbb\xbf")))
        s = str_skip(s, 3);
    if (s.n > MAX_DOCUMENT_BYTES)
        return error_set(c->err, "not usable JSON: it is larger than %u MiB", MAX_DOCUMENT_BYTES >> 20);
    c->text = arena_alloc(c->arena, s.n + 1);
    if (s.n)
        memcpy(c->text, s.p, s.n);
    c->text[s.n] = '\0';
    c->n = s.n;
    c->has_escapes = s.n && memchr(c->text, '\\', s.n);
    const char *reason = "it is empty";
    c->offsets = s.n ? json_scan(scanner, c->text, s.n, &c->count, &reason) : NULL;
    if (!c->offsets)
        error_set(c->err, "not valid JSON: %s", reason);
    return c->offsets != NULL;
}

static bool at_end(struct cursor *c)
{
    return c->at == c->count || fail(c, "something follows the value");
}

bool json_flatten(struct json_reader *r, struct str s, const struct json_limits *limits, struct arena *arena,
                  struct json_leaves *leaves, struct error *err)
{
    *leaves = (struct json_leaves){0};
    struct cursor c = {.depth_left = limits->max_depth,
                       .room_left = limits->max_leaves,
                       .arena = arena,
                       .leaves = leaves,
                       .err = err};
    return open_document(&c, r->scanner, s) && flatten_value(&c, STR_EMPTY, false) && at_end(&c);
}

/* Behind the string that begins at `at`, STR_NOT_FOUND when it does not end. */
static size_t skip_string(struct str s, size_t at)
{
    for (at++; at < s.n; at++) {
        if (s.p[at] == '\\')
            at++;
        else if (s.p[at] == '"')
            return at + 1;
    }
    return STR_NOT_FOUND;
}

size_t json_value_length(struct str s)
{
    size_t at = 0, depth = 0;
    while (at < s.n && is_json_space(s.p[at]))
        at++;
    if (at == s.n || (s.p[at] != '{' && s.p[at] != '['))
        return 0;
    while (at < s.n) {
        char c = s.p[at];
        if (c == '"') {
            at = skip_string(s, at);
            if (at == STR_NOT_FOUND)
                return 0;
            continue;
        }
        at++;
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        if (!depth)
            return at;
    }
    return 0;
}

static struct json_node *tree_value(struct cursor *c);

static struct json_node *tree_node(struct cursor *c)
{
    if (!c->room_left) {
        fail(c, "it has more values than allowed");
        return NULL;
    }
    c->room_left--;
    return ARENA_NEW(c->arena, struct json_node);
}

/* Members or elements of the container under the cursor. */
static bool tree_children(struct cursor *c, struct json_node *parent, char closing)
{
    struct json_node **last = &parent->child;
    bool is_done = false;
    if (!enter(c, closing, &is_done))
        return false;
    while (!is_done) {
        struct str key = {NULL, 0};
        if (closing == '}' && !take_key(c, &key))
            return false;
        struct json_node *child = tree_value(c);
        if (!child)
            return false;
        child->key = key;
        *last = child;
        last = &child->next;
        if (!advance(c, closing, &is_done))
            return false;
    }
    return true;
}

static struct json_node *tree_value(struct cursor *c)
{
    struct json_node *node = tree_node(c);
    if (!node)
        return NULL;
    char first = peek(c);
    if (first == '{' || first == '[') {
        node->type = first == '{' ? JSON_NODE_OBJECT : JSON_NODE_ARRAY;
        return tree_children(c, node, first == '{' ? '}' : ']') ? node : NULL;
    }
    enum json_kind kind;
    if (!take_scalar(c, &kind, &node->text))
        return NULL;
    node->type = kind == JSON_NULL     ? JSON_NODE_NULL
                 : kind == JSON_BOOL   ? JSON_NODE_BOOL
                 : kind == JSON_NUMBER ? JSON_NODE_NUMBER
                                       : JSON_NODE_STRING;
    return node;
}

struct json_node *json_parse(struct str s, struct arena *arena, struct error *err)
{
    struct json_reader *r = json_reader_new();
    struct cursor c = {.depth_left = TREE_MAX_DEPTH, .room_left = TREE_MAX_NODES, .arena = arena, .err = err};
    struct json_node *root = open_document(&c, r->scanner, s) ? tree_value(&c) : NULL;
    if (root && !at_end(&c))
        root = NULL;
    json_reader_free(r);
    return root;
}

const struct json_node *json_member(const struct json_node *object, const char *key)
{
    if (!object || object->type != JSON_NODE_OBJECT)
        return NULL;
    for (const struct json_node *m = object->child; m; m = m->next)
        if (str_eq(m->key, str_c(key)))
            return m;
    return NULL;
}

struct str json_text(const struct json_node *object, const char *key)
{
    const struct json_node *m = json_member(object, key);
    return m && m->text.p ? m->text : STR_EMPTY;
}

/* Reads connectors.yml (stage connect). Next: connectors.c. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/yaml.h"
#include "connect/connectors.h"
#include "connect/program.h"
#include "connect/radius.h"

#define CONNECTORS_MAX 32
#define TEXTS_MAX      32
#define RETRY_MAX_S    (7 * 86400)
#define DEVICES        "firewall, proxy, dns, access"

struct reader {
    const char *path, *data_dir;
    struct arena *arena;
    struct error *err;
};

static bool complain(const struct reader *r, const struct yaml *node, const char *text)
{
    return error_at(r->err, r->path, node->line, node->column, "%s", text);
}

static bool check_keys(const struct reader *r, const struct yaml *map, const char *const *known, size_t count)
{
    for (const struct yaml *at = map->child; at != NULL; at = at->next) {
        bool is_known = false;
        for (size_t i = 0; i < count; i++)
            is_known |= str_eq(at->key, str_c(known[i]));
        if (!is_known)
            return error_at(r->err, r->path, at->key_line, at->key_column,
                            tr("'%.*s' is not known here", "「%.*s」はここでは使えません"),
                            STR_ARGS(at->key));
    }
    return true;
}

/* A number within its limits; also when what stands there is none. */
static bool read_number(const struct reader *r, const struct yaml *map, const char *key, int64_t fallback,
                        int64_t low, int64_t high, unsigned *out)
{
    const struct yaml *node = yaml_get(map, key);
    int64_t number = fallback;
    if (node != NULL && (!str_to_i64(node->text, &number) || number < low || number > high))
        return error_at(r->err, r->path, node->line, node->column,
                        tr("'%s' is a number from %lld to %lld", "'%s' は %lld〜%lld の数です"), key,
                        (long long)low, (long long)high);
    *out = (unsigned)number;
    return true;
}

static bool read_flag(const struct reader *r, const struct yaml *map, const char *key, bool *out)
{
    const struct yaml *node = yaml_get(map, key);
    *out = yaml_bool(map, key, false);
    if (node == NULL || *out || (node->is_plain && str_eq(node->text, STR("false"))))
        return true;
    return error_at(r->err, r->path, node->line, node->column,
                    tr("'%s' is true or false", "'%s' は true か false です"), key);
}

static const char *below_data(const struct reader *r, struct str path)
{
    return str_starts(path, STR("/")) ? arena_str(r->arena, path).p
                                      : arena_printf(r->arena, "%s/%.*s", r->data_dir, STR_ARGS(path)).p;
}

static bool read_secret(const struct reader *r, const struct yaml *map, struct connector *c)
{
    const struct yaml *node = yaml_get(map, "secret_file");
    struct error why;
    if (node == NULL)
        return complain(r, map,
                        tr("it needs 'secret_file', a file with the key in one line",
                           "鍵を 1 行で書いたファイルの secret_file が必要です"));
    c->secret = secret_read(below_data(r, node->text), r->arena, &why);
    return c->secret != NULL || error_at(r->err, r->path, node->line, node->column, "%s", why.text);
}

/* ---------------------------------------------------------------------- forms */

static bool read_text(const struct reader *r, const struct yaml *node, struct str *out)
{
    struct str unknown;
    *out = node->text;
    if (node->type != YAML_SCALAR || node->text.n > 1024)
        return complain(r, node,
                        tr("a text of at most 1024 bytes stands here",
                           "1024 バイトまでの文字列を書いてください"));
    return connector_check_names(node->text, &unknown) ||
           error_at(r->err, r->path, node->line, node->column,
                    tr("there is no value '%.*s'; see docs/connectors.md",
                       "「%.*s」という値はありません。docs/connectors.md を参照してください"),
                    STR_ARGS(unknown));
}

static bool read_arguments(const struct reader *r, const struct yaml *list, struct connector_form *form)
{
    if (list->type != YAML_LIST || list->count > TEXTS_MAX)
        return complain(r, list, tr("arguments are a list of at most 32", "引数は 32 個までの列です"));
    struct str *texts = ARENA_ARRAY(r->arena, struct str, list->count + 1);
    form->texts = texts;
    form->is_given = true;
    for (const struct yaml *at = list->child; at != NULL; at = at->next)
        if (!read_text(r, at, &texts[form->count++]))
            return false;
    return true;
}

static bool read_attribute(const struct reader *r, const struct yaml *node, struct str *text)
{
    struct radius_packet trial;
    struct error why;
    if (!radius_has_attribute(node->key))
        return error_at(r->err, r->path, node->key_line, node->key_column,
                        tr("there is no RADIUS attribute '%.*s' here; see docs/connectors.md",
                           "RADIUS の属性「%.*s」は扱えません。docs/connectors.md を参照してください"),
                        STR_ARGS(node->key));
    if (!read_text(r, node, text))
        return false;
    if (str_find_char(*text, '{', 0) != STR_NOT_FOUND) /* known when it is used */
        return true;
    radius_begin(&trial, RADIUS_COA_REQUEST, 0);
    return radius_put(&trial, node->key, *text, &why) ||
           error_at(r->err, r->path, node->line, node->column, "%s", why.text);
}

static bool read_request(const struct reader *r, const struct yaml *map, struct connector_form *form)
{
    static const char *const known[] = {"request", "attributes"};
    const struct yaml *list = yaml_get(map, "attributes");
    struct str request = yaml_text(map, "request");
    if (map->type != YAML_MAP || !check_keys(r, map, known, COUNT_OF(known)))
        return map->type == YAML_MAP ? false
                                     : complain(r, map, tr("a request is a map", "要求はマップで書きます"));
    form->is_coa = str_eq(request, STR("coa"));
    if ((!form->is_coa && !str_eq(request, STR("disconnect"))) || list == NULL || list->type != YAML_MAP ||
        list->count == 0 || list->count > TEXTS_MAX)
        return complain(r, map,
                        tr("it needs 'request': disconnect or coa, and 'attributes': a map of 1 to 32",
                           "request(disconnect か coa)と attributes(1〜32 個のマップ)が必要です"));
    struct str *names = ARENA_ARRAY(r->arena, struct str, list->count),
               *texts = ARENA_ARRAY(r->arena, struct str, list->count);
    *form = (struct connector_form){.is_given = true, .is_coa = form->is_coa, .names = names, .texts = texts};
    for (const struct yaml *at = list->child; at != NULL; at = at->next, form->count++) {
        names[form->count] = at->key;
        if (!read_attribute(r, at, &texts[form->count]))
            return false;
    }
    return true;
}

/* `carry_out`, `undo` and `test`, as far as they are there. */
static bool read_forms(const struct reader *r, const struct yaml *map, struct connector *c)
{
    for (int act = 0; act < ACT_COUNT; act++) {
        const struct yaml *node = yaml_get(map, connector_act_name((enum connector_act)act).p);
        if (node != NULL && !(c->kind == CONNECTOR_COMMAND ? read_arguments(r, node, &c->forms[act])
                                                           : read_request(r, node, &c->forms[act])))
            return false;
    }
    c->has_undo = c->forms[ACT_UNDO].is_given;
    return c->forms[ACT_CARRY_OUT].is_given ||
           complain(r, map, tr("it needs 'carry_out': what is done", "carry_out(実施の内容)が必要です"));
}

/* ---------------------------------------------------------------------- kinds */

static bool read_webhook(const struct reader *r, const struct yaml *map, struct connector *c)
{
    static const char *const known[] = {"name",  "kind",        "on",      "serves", "url",
                                        "plain", "secret_file", "ca_file", "undo"};
    const struct yaml *url = yaml_get(map, "url"), *ca = yaml_get(map, "ca_file");
    if (!check_keys(r, map, known, COUNT_OF(known)) || !read_flag(r, map, "plain", &c->is_plain) ||
        !read_flag(r, map, "undo", &c->has_undo) || !read_secret(r, map, c))
        return false;
    bool is_open = url != NULL && str_starts(url->text, STR("http://"));
    if (url == NULL || (!is_open && !str_starts(url->text, STR("https://"))))
        return complain(r, url ? url : map, tr("'url' begins with https://", "'url' は https:// で始めます"));
    c->url = url->text.p;
    c->ca_file = ca ? below_data(r, ca->text) : NULL;
    return !is_open || c->is_plain ||
           complain(r, url,
                    tr("http:// goes over the network in the clear; use https://, or say plain: true",
                       "http:// は暗号化されません。https:// を使うか、plain: true を書いてください"));
}

static bool read_command(const struct reader *r, const struct yaml *map, struct connector *c)
{
    static const char *const known[] = {"name",    "kind",      "on",   "serves", "program",
                                        "seconds", "carry_out", "undo", "test"};
    const struct yaml *program = yaml_get(map, "program");
    struct error why;
    if (!check_keys(r, map, known, COUNT_OF(known)) ||
        !read_number(r, map, "seconds", 30, 1, 600, &c->seconds) || !read_forms(r, map, c))
        return false;
    if (program == NULL)
        return complain(r, map, tr("it needs 'program', a full path", "program(絶対パス)が必要です"));
    c->program = arena_str(r->arena, program->text).p;
    return program_is_trusted(c->program, &why) ||
           error_at(r->err, r->path, program->line, program->column, "%s", why.text);
}

static bool read_radius(const struct reader *r, const struct yaml *map, struct connector *c)
{
    static const char *const known[] = {"name",       "kind",      "on",          "serves",
                                        "host",       "port",      "secret_file", "tries",
                                        "timeout_ms", "carry_out", "undo",        "message_authenticator"};
    const struct yaml *host = yaml_get(map, "host"), *word = yaml_get(map, "message_authenticator");
    unsigned port = 0;
    if (!check_keys(r, map, known, COUNT_OF(known)) || !read_secret(r, map, c) ||
        !read_number(r, map, "port", RADIUS_PORT, 1, 65535, &port) ||
        !read_number(r, map, "tries", 3, 1, 10, &c->tries) ||
        !read_number(r, map, "timeout_ms", 3000, 100, 30000, &c->timeout_ms) || !read_forms(r, map, c))
        return false;
    if (host == NULL || host->text.n == 0)
        return complain(r, map, tr("it needs 'host': name or address", "host(名前かアドレス)が必要です"));
    c->host = arena_str(r->arena, host->text).p;
    c->port = arena_printf(r->arena, "%u", port).p;
    c->needs_authenticator = word == NULL || !str_eq(word->text, STR("optional"));
    return word == NULL || !c->needs_authenticator || str_eq(word->text, STR("required")) ||
           complain(r, word,
                    tr("'message_authenticator' is required or optional",
                       "'message_authenticator' は required か optional です"));
}

static bool read_serves(const struct reader *r, const struct yaml *map, struct connector *c)
{
    static const char *const devices[] = {"firewall", "proxy", "dns", "access"};
    const struct yaml *list = yaml_get(map, "serves");
    if (list == NULL || list->type != YAML_LIST || list->count > CONNECTOR_DEVICES_MAX)
        return complain(r, list ? list : map,
                        tr("'serves' is a list of " DEVICES, "'serves' は " DEVICES " の列です"));
    for (const struct yaml *at = list->child; at != NULL; at = at->next) {
        bool is_known = false;
        for (size_t i = 0; i < COUNT_OF(devices); i++)
            is_known |= str_eq(at->text, str_c(devices[i]));
        if (!is_known)
            return complain(r, at, tr("'serves' is a list of " DEVICES, "'serves' は " DEVICES " の列です"));
        c->serves[c->serves_count++] = at->text;
    }
    return true;
}

static bool is_name(struct str s)
{
    bool is = s.n > 0 && s.n <= 64;
    for (size_t i = 0; i < s.n; i++)
        is &= ascii_is_digit(s.p[i]) || (ascii_lower(s.p[i]) >= 'a' && ascii_lower(s.p[i]) <= 'z') ||
              s.p[i] == '-' || s.p[i] == '_' || s.p[i] == '.';
    return is;
}

static bool read_connector(const struct reader *r, const struct yaml *map, struct connector *c)
{
    static bool (*const readers[])(const struct reader *, const struct yaml *,
                                   struct connector *) = {read_webhook, read_command, read_radius};
    size_t kind = 0;
    if (map->type != YAML_MAP)
        return complain(r, map, tr("a connector is a map", "コネクタはマップで書きます"));
    while (kind < COUNT_OF(readers) &&
           !str_eq(yaml_text(map, "kind"), connector_kind_name((enum connector_kind)kind)))
        kind++;
    c->name = yaml_text(map, "name");
    if (!is_name(c->name) || kind == COUNT_OF(readers))
        return complain(
            r, map,
            tr("a connector needs 'name' (letters, digits, - _ .) and 'kind': webhook, command or radius",
               "コネクタには name(英数字と - _ .)と kind(webhook、command、radius)が必要です"));
    c->kind = (enum connector_kind)kind;
    return read_flag(r, map, "on", &c->is_on) && read_serves(r, map, c) && readers[kind](r, map, c);
}

/* ------------------------------------------------------------------------ all */

static bool read_retry(const struct reader *r, const struct yaml *top, struct connectors *out)
{
    static const char *const known[] = {"first_seconds", "longest_seconds", "give_up_seconds"};
    const struct yaml *retry = yaml_get(top, "retry");
    unsigned first = 0, longest = 0, give_up = 0;
    if ((retry != NULL && !check_keys(r, retry, known, COUNT_OF(known))) ||
        !read_number(r, retry, known[0], 10, 1, RETRY_MAX_S, &first) ||
        !read_number(r, retry, known[1], 300, 1, RETRY_MAX_S, &longest) ||
        !read_number(r, retry, known[2], 1800, 1, RETRY_MAX_S, &give_up))
        return false;
    out->first_retry_ns = first * INT64_C(1000000000);
    out->longest_retry_ns = longest * INT64_C(1000000000);
    out->give_up_ns = give_up * INT64_C(1000000000);
    return first <= longest || complain(r, retry ? retry : top,
                                        tr("first_seconds is not longer than longest_seconds",
                                           "first_seconds は longest_seconds 以下です"));
}

bool connectors_load(struct connectors *out, const char *path, const char *data_dir, struct arena *arena,
                     struct error *err)
{
    static const char *const known[] = {"version", "retry", "connectors"};
    struct reader r = {.path = path, .data_dir = data_dir, .arena = arena, .err = err};
    *out = (struct connectors){.version = STR_EMPTY};
    const struct yaml *top = yaml_load(path, arena, err), *list = yaml_get(top, "connectors");
    if (top == NULL || !check_keys(&r, top, known, COUNT_OF(known)) || !read_retry(&r, top, out))
        return false;
    if (list == NULL || list->type != YAML_LIST || list->count > CONNECTORS_MAX)
        return complain(&r, list ? list : top,
                        tr("'connectors' is a list of at most 32", "'connectors' は 32 個までの列です"));
    struct connector *items = ARENA_ARRAY(arena, struct connector, list->count + 1);
    out->items = items;
    out->version = yaml_text(top, "version");
    for (const struct yaml *at = list->child; at != NULL; at = at->next) {
        struct connector *c = &items[out->count];
        bool ok = read_connector(&r, at, c) &&
                  (connector_find(out, c->name) == NULL ||
                   complain(&r, at, tr("this name is there already", "この名前はすでにあります")));
        out->count++;
        if (!ok) {
            connectors_forget(out);
            return false;
        }
    }
    return true;
}

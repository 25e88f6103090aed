/* Reads DATA/channels.yml (stage notify). Next: mime.c. */
#include "notify/channels.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/yaml.h"

#define CHANNELS_MAX 32
#define RETRY_MAX_S  (7 * 86400)

struct reader {
    const char *path, *data_dir, *webhooks;
    struct arena *arena;
    struct error *err;
};

static const char *const TYPES[] = {"mail", "webhook", "syslog", "ticket"};

struct str channel_type_name(enum channel_type t)
{
    return str_c(TYPES[t]);
}

static bool complain(const struct reader *r, const struct yaml *node, const char *text)
{
    return error_at(r->err, r->path, node->line, node->column, "%s", text);
}

/* ------------------------------------------------------------------- secrets */

static const char *below_data(const struct reader *r, struct str path)
{
    return str_starts(path, STR("/")) ? arena_str(r->arena, path).p
                                      : arena_printf(r->arena, "%s/%.*s", r->data_dir, STR_ARGS(path)).p;
}

/* NULL with the sentence set. A secret that others may read is none. */
static const char *read_secret(const struct reader *r, const struct yaml *node)
{
    struct error why;
    const char *secret = secret_read(below_data(r, node->text), r->arena, &why);
    if (secret == NULL)
        error_at(r->err, r->path, node->line, node->column, "%s", why.text);
    return secret;
}

/* ------------------------------------------------------------------ channels */

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

static bool read_url(const struct reader *r, const struct yaml *node, struct channel *c)
{
    struct str url = yaml_text(node, "url");
    bool is_mail = c->type == CHANNEL_MAIL, is_syslog = c->type == CHANNEL_SYSLOG;
    bool is_open = str_starts(url, STR("http://")) && !is_mail && !is_syslog;
    bool is_right = is_mail     ? str_starts(url, STR("smtp://")) || str_starts(url, STR("smtps://"))
                    : is_syslog ? str_starts(url, STR("udp://")) || str_starts(url, STR("tcp://"))
                                : str_starts(url, STR("https://")) || is_open;
    c->is_plain = yaml_bool(node, "plain", false);
    c->url = url.p;
    if (!is_right)
        return complain(
            r, node,
            tr("'url' is smtp:// or smtps:// for mail, https:// for webhook and ticket, udp://host:port or "
               "tcp://host:port for syslog",
               "'url' は mail なら smtp:// か smtps://、webhook と ticket なら https://、syslog なら "
               "udp://host:port か tcp://host:port です"));
    return !is_open || c->is_plain ||
           complain(r, node,
                    tr("http:// goes over the network in the clear; use https://, or say plain: true",
                       "http:// は暗号化されません。https:// を使うか、plain: true を書いてください"));
}

static bool read_ticket(const struct reader *r, const struct yaml *node, struct channel *c)
{
    struct ticket_template *t = ARENA_NEW(r->arena, struct ticket_template);
    struct str name = yaml_text(node, "template");
    const struct yaml *with = yaml_get(node, "with");
    c->values = with;
    c->ticket = t;
    if (name.n == 0 || str_find_char(name, '/', 0) != STR_NOT_FOUND ||
        (with != NULL && (with->type != YAML_MAP || with->count > 16)))
        return complain(
            r, node,
            tr("a ticket needs 'template', a name in content/webhooks; 'with' is a map",
               "ticket には content/webhooks にある template の名前が必要です。with はマップです"));
    const char *own = arena_printf(r->arena, "%s/webhooks/%.*s.yml", r->data_dir, STR_ARGS(name)).p;
    const char *path =
        file_exists(own) ? own : arena_printf(r->arena, "%s/%.*s.yml", r->webhooks, STR_ARGS(name)).p;
    return ticket_template_load(t, path, with, r->arena, r->err);
}

static bool read_kind(const struct reader *r, const struct yaml *node, struct channel *c)
{
    struct str form = yaml_text(node, "format");
    if (c->type == CHANNEL_TICKET)
        return read_ticket(r, node, c);
    if (c->type == CHANNEL_WEBHOOK)
        return c->secret != NULL || complain(r, node,
                                             tr("a webhook needs 'secret_file', the key of its signature",
                                                "webhook には署名の鍵の secret_file が必要です"));
    if (c->type == CHANNEL_SYSLOG) {
        c->form = str_eq(form, STR("cef")) ? SYSLOG_CEF : SYSLOG_STRUCTURED;
        return form.n == 0 || c->form == SYSLOG_CEF || str_eq(form, STR("structured")) ||
               complain(r, node, tr("'format' is structured or cef", "'format' は structured か cef です"));
    }
    c->from = yaml_text(node, "from");
    if (mail_address(c->from).n == 0)
        return complain(r, node,
                        tr("mail needs 'from', such as \"hyakuyo <soc@example.jp>\"",
                           "mail には from が必要です(例 \"hyakuyo <soc@example.jp>\")"));
    return (c->user != NULL) == (c->secret != NULL) ||
           complain(r, node,
                    tr("'user' and 'secret_file' go together", "user と secret_file は両方必要です"));
}

static bool read_channel(const struct reader *r, const struct yaml *node, struct channel *c)
{
    static const char *const known[] = {"name",    "type", "url",    "plain",    "user", "secret_file",
                                        "ca_file", "from", "format", "template", "with"};
    const struct yaml *secret = yaml_get(node, "secret_file"), *ca = yaml_get(node, "ca_file"),
                      *user = yaml_get(node, "user");
    if (node->type != YAML_MAP || !check_keys(r, node, known, COUNT_OF(known)))
        return node->type == YAML_MAP ? false
                                      : complain(r, node, tr("a channel is a map", "経路はマップで書きます"));
    size_t type = 0;
    while (type < COUNT_OF(TYPES) && !str_eq(yaml_text(node, "type"), str_c(TYPES[type])))
        type++;
    c->name = yaml_text(node, "name");
    if (c->name.n == 0 || c->name.n > 64 || type == COUNT_OF(TYPES))
        return complain(r, node,
                        tr("a channel needs name and type: mail, webhook, syslog or ticket",
                           "経路には name と type(mail、webhook、syslog、ticket)が必要です"));
    c->type = (enum channel_type)type;
    c->user = user ? user->text.p : NULL;
    c->ca_file = ca ? below_data(r, ca->text) : NULL;
    if (secret != NULL && (c->secret = read_secret(r, secret)) == NULL)
        return false;
    return read_url(r, node, c) && read_kind(r, node, c);
}

static bool read_retry(const struct reader *r, const struct yaml *top, struct channels *out)
{
    const struct yaml *retry = yaml_get(top, "retry");
    int64_t first = yaml_int(retry, "first_seconds", 30), longest = yaml_int(retry, "longest_seconds", 3600),
            give_up = yaml_int(retry, "give_up_seconds", 86400);
    out->first_retry_ns = first * NS_PER_SECOND;
    out->longest_retry_ns = longest * NS_PER_SECOND;
    out->give_up_ns = give_up * NS_PER_SECOND;
    return (first >= 1 && first <= longest && longest <= RETRY_MAX_S && give_up >= 1 &&
            give_up <= RETRY_MAX_S) ||
           complain(r, retry,
                    tr("first_seconds, longest_seconds and give_up_seconds are from 1 to 604800, and the "
                       "first is not "
                       "longer than the longest",
                       "first_seconds、longest_seconds、give_up_seconds は 1〜604800 で、first は longest "
                       "以下です"));
}

static bool read_all(const struct reader *r, const struct yaml *top, struct channels *out)
{
    static const char *const known[] = {"console_url", "retry", "channels"};
    const struct yaml *list = yaml_get(top, "channels");
    if (!check_keys(r, top, known, COUNT_OF(known)) || !read_retry(r, top, out))
        return false;
    if (list == NULL || list->type != YAML_LIST || list->count > CHANNELS_MAX)
        return complain(r, list ? list : top,
                        tr("'channels' is a list of at most 32", "'channels' は 32 個までの列です"));
    struct channel *items = ARENA_ARRAY(r->arena, struct channel, list->count + 1);
    out->items = items;
    out->console_url = str_trim_chars(yaml_text(top, "console_url"), "/").n
                           ? arena_str(r->arena, str_trim_chars(yaml_text(top, "console_url"), "/")).p
                           : "";
    for (const struct yaml *at = list->child; at != NULL; at = at->next) {
        if (!read_channel(r, at, &items[out->count]))
            return false;
        if (channel_find(out, items[out->count].name) != NULL)
            return complain(r, at, tr("this name is there already", "この名前はすでにあります"));
        out->count++;
    }
    return true;
}

bool channels_load(struct channels *out, const char *data_dir, const char *webhooks, struct arena *arena,
                   struct error *err)
{
    struct reader r = {.path = arena_printf(arena, "%s/channels.yml", data_dir).p,
                       .data_dir = data_dir,
                       .webhooks = webhooks,
                       .arena = arena,
                       .err = err};
    *out = (struct channels){.console_url = ""};
    if (!file_exists(r.path))
        return true;
    const struct yaml *top = yaml_load(r.path, arena, err);
    return top != NULL && read_all(&r, top, out);
}

/* -------------------------------------------------------------------- asking */

const struct channel *channel_find(const struct channels *c, struct str name)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (str_eq(c->items[i].name, name))
            return &c->items[i];
    return NULL;
}

bool channel_is_meant(const struct channel *c, struct str word)
{
    return str_eq(c->name, word) || str_eq(channel_type_name(c->type), word);
}

struct str mail_address(struct str from)
{
    size_t open = str_find_last_char(from, '<'), close = str_find_last_char(from, '>');
    struct str address = open != STR_NOT_FOUND && close != STR_NOT_FOUND && open < close
                             ? str_slice(from, open + 1, close)
                             : str_trim(from);
    size_t at = str_find_char(address, '@', 0);
    bool is_one = at != STR_NOT_FOUND && at > 0 && at + 1 < address.n && address.n <= 254;
    for (size_t i = 0; i < from.n; i++)
        is_one &= (unsigned char)from.p[i] >= 0x20;
    for (size_t i = 0; i < address.n; i++) /* ASCII without blanks and what SMTP's commands are made of */
        is_one &= address.p[i] > 0x20 && address.p[i] < 0x7f && address.p[i] != '<' && address.p[i] != '>';
    return is_one ? address : STR_EMPTY;
}

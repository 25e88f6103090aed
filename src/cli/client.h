/* How commands reach a running server: by --server and --token, or by what the server wrote into its data
 * folder. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "cli/command.h"

struct client {
    char url[256];
    char token[256]; /* "" = none */
    int pid;         /* 0 = not known: another machine's, or none */
};

/* The options that client_choose() reads beside --data, for a command's table. */
#define CLIENT_OPTIONS                                                                                       \
    {.name = "server",                                                                                       \
     .type = OPTION_TEXT,                                                                                    \
     .values = "URL",                                                                                        \
     .help_en = "ask this server",                                                                           \
     .help_ja = "問い合わせるサーバー"},                                                                     \
    {                                                                                                        \
        .name = "token", .type = OPTION_TEXT, .values = "TEXT",                                              \
        .help_en = "API token for --server (or HYAKUYO_TOKEN)",                                              \
        .help_ja = "--server 用の API トークン(または HYAKUYO_TOKEN)"                               \
    }

/* True when a server is running on that data folder: server.json, and the very process that wrote it lives.
 */
bool client_find(const char *data_dir, struct client *out);
/* What tells a process from a later one with the same number: its start, in the kernel's ticks. False when
 * there is no such process. */
#define CLIENT_MARK_BYTES 24
bool client_process_mark(int pid, char out[CLIENT_MARK_BYTES]);

/* The server that --server and --token (or HYAKUYO_TOKEN) name, else the one on the folder --data. False when
 * there is none; `err` is then empty, unless the options cannot be used. */
bool client_choose(const struct arguments *a, struct client *out, struct error *err);

/* GET url + path. The status is not 2xx: false, with the server's own sentence. */
bool client_get(const struct client *c, const char *path, struct buf *body, struct error *err) MUST_CHECK;
/* POST, with a body of that media type. */
bool client_post(const struct client *c, const char *path, const char *type, struct str upload,
                 struct buf *body, struct error *err) MUST_CHECK;
/* Any server on the Internet: TLS is checked, redirections are not followed, proxies are those of the
 * environment. */
struct client_fetch {
    const char *url;
    const char *accept;
    const char *user, *password; /* Basic; NULL = none */
    const char *token;           /* Bearer; NULL = none */
    const char *upload_type;     /* media type of `upload`: POST; NULL = GET */
    struct str upload;
    const char *wanted_header; /* whose value is kept; NULL = none */
    size_t max_bytes;
    long status;            /* of the answer */
    char header_value[256]; /* "" when it did not come */
};
/* False when there was no answer or it is not 2xx; the sentence names the address. */
bool client_fetch(struct client_fetch *f, struct buf *body, struct error *err) MUST_CHECK;
/* The answer of a listing: its "rows" as JSON text, within `body`, and the whole as a tree. NULL with a
 * sentence when it is no such answer. */
struct json_node;
const struct json_node *client_rows(struct str body, struct arena *arena, struct str *rows,
                                    struct error *err) MUST_CHECK;
/* "%20" and the like, appended. */
void client_escape(struct buf *out, const char *text);

#endif

/* How commands reach a running server: by --server and --token, or by what the server wrote into its data
 * folder. */
#ifndef CLIENT_H
#define CLIENT_H

#include "base/buf.h"
#include "base/error.h"

struct client {
    char url[256];
    char token[256]; /* "" = none */
    int pid;         /* 0 = not on this machine */
};

/* True when a server is running on that data folder (server.json, and its process lives). */
bool client_find(const char *data_dir, struct client *out);

/* GET url + path. The status is not 2xx: false, with the server's own sentence. */
bool client_get(const struct client *c, const char *path, struct buf *body, struct error *err) MUST_CHECK;
/* "%20" and the like, appended. */
void client_escape(struct buf *out, const char *text);

#endif

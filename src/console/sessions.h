/* Log-ins that are alive. The cookie carries 32 random bytes; only their BLAKE2b-256 is kept. Memory is the
 * truth, the services' store a copy that survives a restart. At most 4,096 at once: the longest unused one
 * gives way. Any thread. */
#ifndef CONSOLE_SESSIONS_H
#define CONSOLE_SESSIONS_H

#include "console/services.h"

#define SESSION_TEXT_BYTES 44 /* base64url of 32 bytes and NUL */

struct sessions;
struct sessions *sessions_new(const struct console_services *services, int64_t idle_ns, int64_t longest_ns,
                              int64_t now_ns);
void sessions_free(struct sessions *s);

/* Called, outside of any lock, for each session that ended. Set once before use. */
void sessions_on_end(struct sessions *s, void (*ended)(void *context, const unsigned char *hash),
                     void *context);

/* `text` becomes the cookie's value. Writes to the store. */
void sessions_open(struct sessions *s, const struct console_user *user, int64_t now_ns,
                   char text[SESSION_TEXT_BYTES], struct console_session *out);
/* Finds and touches; false when unknown or expired. No I/O. */
bool sessions_find(struct sessions *s, struct str text, int64_t now_ns, struct console_session *out);
/* These write to the store. */
void sessions_close(struct sessions *s, const unsigned char hash[TOKEN_HASH_BYTES]);
void sessions_close_user(struct sessions *s, struct str user);
void sessions_set_language(struct sessions *s, struct str user, enum language language);
/* Ends what is no longer in the store: a user's password was changed, or the user disabled, by a command. */
void sessions_end_withdrawn(struct sessions *s);
/* Ends what has expired, and saves when sessions were last used. */
void sessions_sweep(struct sessions *s, int64_t now_ns);

#endif

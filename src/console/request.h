/* One request and its reply, as handlers see them. No HTTP library here: http.c fills the request and sends
 * the reply. */
#ifndef CONSOLE_REQUEST_H
#define CONSOLE_REQUEST_H

#include "base/arena.h"
#include "base/buf.h"
#include "console/auth.h"
#include "console/parameters.h"
#include "console/services.h"
#include "console/target.h"

enum method {
    METHOD_OTHER,
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_OPTIONS
};

/* Every problem the server can answer with; texts and numbers are in problem.def. */
enum problem {
#define PROBLEM(constant, status, code, title_en, title_ja) PROBLEM_##constant,
#include "console/problem.def"
#undef PROBLEM
    PROBLEM_COUNT
};

#define REPLY_HEADERS_MAX   12
#define REQUEST_HEADERS_MAX 100

struct static_file;
struct upload;
struct stream_client;
struct console;
struct route;

struct reply {
    int status; /* 0 = the handler has not answered */
    const char *content_type;
    struct buf body;                /* handed over to whoever sends it */
    const struct static_file *file; /* instead of the body */
    bool file_gzip;
    int fd; /* instead of the body: an open file, 0 = none; closed with the reply */
    uint64_t fd_bytes;
    struct stream_client *stream;           /* instead of the body: stays open */
    struct pair headers[REPLY_HEADERS_MAX]; /* names are literals, values live in the arena */
    size_t header_count;
    bool close; /* end the connection afterwards */
};

struct request {
    struct console *console;
    const struct console_services *services;
    struct arena arena;
    enum method method;
    struct target target;
    const struct route *route;
    struct str path_values[2]; /* what stood for {…} in the route's pattern */
    struct parameter_value query[PARAMETERS_MAX];
    struct parameter_value members[PARAMETERS_MAX]; /* of the JSON body */
    struct pair headers[REQUEST_HEADERS_MAX];
    size_t header_count;
    struct buf body;
    struct upload *upload; /* of ROUTE_FILE_BODY, instead of the body */
    char address[48];      /* of the peer, canonical text */
    bool is_loopback;
    bool is_https;
    struct principal who; /* permissions 0 = nobody */
    enum language language;
    int64_t now_ns, started_ns; /* wall clock; monotonic */
    struct reply reply;
    bool is_recorded; /* what it changed has its entry in the response record */
    /* Set by ASYNC handlers: calls it once when the reply is complete. */
    void (*finish)(struct request *r);
};

/* "" when absent; the name without regard to case. */
struct str request_header(const struct request *r, const char *name);
/* Value of a cookie, "" when absent. */
struct str request_cookie(const struct request *r, const char *name);
struct console_viewer request_viewer(const struct request *r);
bool request_may(const struct request *r, unsigned permission);

void reply_header(struct request *r, const char *name, struct str value);
/* The body the handler then writes to. */
struct buf *reply_json(struct request *r, int status);
struct buf *reply_text(struct request *r, int status, const char *content_type);
/* An open file, handed over, as an attachment: octets that no browser renders. */
void reply_attachment(struct request *r, int fd, uint64_t bytes, const char *name);
void reply_nothing(struct request *r, int status); /* 204, 304: no body */

/* RFC 9457, in both languages. Details are whole sentences, may be "". `position` −1 = none. Replaces what
 * was there. */
void reply_problem(struct request *r, enum problem problem, struct str detail_en, struct str detail_ja);
void reply_problem_at(struct request *r, enum problem problem, struct str detail_en, struct str detail_ja,
                      int64_t position);
/* With Retry-After. */
void reply_problem_retry(struct request *r, enum problem problem, unsigned seconds, struct str detail_en,
                         struct str detail_ja);
/* What a service could not do. */
void reply_failure(struct request *r, const struct console_failure *failure);
/* A fresh failure for a service call. */
struct console_failure failure_none(void);

int problem_status(enum problem problem);

/* Picks "en" or "ja" of an Accept-Language header; `fallback` when it names neither. */
enum language language_accepted(struct str header, enum language fallback);
/* Whether an Accept-Encoding header lets gzip be sent. */
bool accepts_gzip(struct str header);
/* The request's own Host (authority), and whether a browser's Origin header names the same. */
bool origin_is_own(struct str origin, struct str host);
/* DNS rebinding: a name is only taken when it is ours. Address literals and localhost always are. */
bool host_is_own(struct str host, const char *const *names);

#endif

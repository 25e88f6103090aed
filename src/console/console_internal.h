/* What the console's own files share. */
#ifndef CONSOLE_CONSOLE_INTERNAL_H
#define CONSOLE_CONSOLE_INTERNAL_H

#include <stdatomic.h>

#include "console/console.h"
#include "console/metrics.h"
#include "console/request.h"
#include "console/static_files.h"
#include "console/stream.h"
#include "console/work.h"

struct http_server;

struct http_numbers {
    _Atomic uint64_t by_class[6]; /* answers 1xx … 5xx; 0: anything else */
    _Atomic uint64_t refused_connections, timed_out_connections;
    struct metrics_histogram latency;
};

struct console {
    struct console_config config; /* defaults filled in */
    struct console_services services;
    struct auth *auth;
    struct report_form *report_form;
    struct stream *stream;
    struct static_files *files;
    struct work *query_workers, *password_workers;
    struct http_server *http;
    struct http_numbers numbers;
    _Atomic unsigned running; /* requests handed to workers or services and not answered yet */
    _Atomic unsigned sending; /* answers on their way to the client */
    _Atomic bool is_stopping;
    struct housekeeping *housekeeping;
};

/* http.c */
struct http_server *http_start(struct console *c, struct error *err) MUST_CHECK;
void http_stop(struct http_server *h);
unsigned http_port(const struct http_server *h);
/* Ends connections that are slower than their time limit; once a second. */
void http_enforce_limits(struct http_server *h, int64_t now_ns);

/* For work_new(): runs the handler of a suspended `struct request *` and gives it back to its loop. */
void http_run_on_worker(void *item);

/* gate.c: everything between the request line and the handler. Each leaves a reply when it refuses. */
void gate_enter(struct request *r, struct str uri,
                struct str method); /* head only; r->reply.status != 0: refused */
void gate_body(struct request *r);  /* once the body is complete */
/* A piece of a body that is a file. */
void gate_file(struct request *r, struct str bytes);
/* Audit, security headers, counters. */
/* Runs the handler on this thread, as the deed of whoever asked. Not for RUN_ASYNC. */
void gate_run(struct request *r);
void gate_leave(struct request *r);
size_t gate_body_limit(const struct request *r);

#endif

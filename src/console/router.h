/* The table of what the server answers. Each api_*.c file declares its routes as one const table; routes.def
 * lists the tables. A route says everything about itself: who may, what it takes, where it runs. */
#ifndef CONSOLE_ROUTER_H
#define CONSOLE_ROUTER_H

#include "console/parameters.h"
#include "console/request.h"

enum route_run {
    RUN_INLINE,   /* on the event loop: memory only */
    RUN_WORKER,   /* on a query worker */
    RUN_PASSWORD, /* on a password worker */
    RUN_ASYNC,    /* starts on the event loop, r->finish() is called later, by any thread */
};

enum {
    ROUTE_PUBLIC = 1 << 0,          /* answers before log-in */
    ROUTE_LOOPBACK_PUBLIC = 1 << 1, /* without log-in from this machine only */
    ROUTE_INGEST =
        1 << 2, /* public as the configured ingest policy says; its own body limit, any media type */
    ROUTE_LARGE_BODY = 1 << 3, /* takes files: 40 MiB */
    ROUTE_SMALL_BODY = 1 << 4, /* from anybody: 32 KiB */
    ROUTE_FILE_BODY = 1 << 5,  /* the body is a file and goes to disk (upload.h) */
};

struct route {
    enum method method;
    const char *pattern; /* "/api/v1/incidents/{id}" */
    void (*handler)(struct request *r);
    enum route_run run;
    unsigned permission; /* enum permission; 0 only with ROUTE_PUBLIC */
    unsigned flags;
    const struct parameter *query;   /* NULL = none */
    const struct parameter *members; /* of the JSON body; NULL = takes no body */
    const char *audit;               /* action to be recorded; such routes run on workers */
};

struct route_table {
    const struct route *routes;
    size_t count;
};

#define TABLE(name) extern const struct route_table name;
#include "console/routes.def"
#undef TABLE

/* All tables, for walking: NULL behind the last. */
const struct route_table *const *router_tables(void);

/* The route for path and method. NULL: `*allowed` tells which methods the path has (bits 1 << enum method), 0
 * = unknown path. HEAD finds the route of GET. `values` receives what stands for {…}. */
const struct route *router_find(const struct target *target, enum method method, struct str values[2],
                                unsigned *allowed);

enum method method_parse(struct str name);
const char *method_name(enum method m);
/* "GET, HEAD, OPTIONS" */
struct str methods_text(unsigned allowed, struct arena *arena);

#endif

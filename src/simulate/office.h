/* The office: departments, networks, people, hosts and servers, made from content/simulate/office.yml for the
 * wanted number of hosts, or taken from an organisation's own context files. */
#ifndef SIMULATE_OFFICE_H
#define SIMULATE_OFFICE_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/yaml.h"
#include "event/asset.h"
#include "simulate/fleet.h"

#define OFFICE_HOSTS_MAX 20000

/* What templates can say about a host: ${host.name}. */
enum attribute {
    ATTRIBUTE_NAME,
    ATTRIBUTE_IP,
    ATTRIBUTE_NET, /* its /24: "10.20.30" */
    ATTRIBUTE_MAC,
    ATTRIBUTE_USER,
    ATTRIBUTE_DEPARTMENT,
    ATTRIBUTE_ROLE,
    ATTRIBUTE_TYPE,
    ATTRIBUTE_KEY, /* of a server; the word scenarios use */
    ATTRIBUTE_VENDOR,
    ATTRIBUTE_PRODUCT,
    ATTRIBUTE_ENGINE,
    ATTRIBUTE_PATTERN,
    ATTRIBUTE_PATTERN_BEFORE,
    ATTRIBUTE_COUNT
};
bool attribute_find(struct str name, enum attribute *out);

enum host_kind { HOST_CLIENT, HOST_SERVER, HOST_DEVICE };

struct department {
    struct str name, code, network; /* "10.20.30" */
    bool is_sensor, is_listed;
    double share;
    int importance;
    uint32_t host_count, network_count;
};

struct host {
    uint32_t number;
    enum host_kind kind;
    uint64_t key; /* seed of all that is decided for this host */
    struct str texts[ATTRIBUTE_COUNT];
    struct department *department;
    struct str approved_applications;
    int importance;
    bool is_registered; /* in hosts.csv */
    bool is_visitor;    /* brought in by a scenario */
    bool is_always_on;
    double pace; /* how busy its user is, 1 = ordinary */
    struct control control;
};

struct office {
    struct arena *arena;
    struct department *departments;
    size_t department_count;
    struct host *hosts; /* servers and devices first */
    size_t host_count, host_capacity;
    struct str domain;
    const struct yaml *exceptions; /* rows of exceptions.csv, or NULL */
    const char *path;              /* of office.yml, for messages */
};

/* `clients` hosts of people beside the servers. All or nothing. */
bool office_make(struct office *o, const char *path, size_t clients, uint64_t seed, struct arena *arena,
                 struct error *err) MUST_CHECK;
/* The hosts of context files: those with the type server or a server's role become servers. False when there
 * is no host in them. `o` is made of them and of office.yml's servers whose role nobody there has. */
bool office_from_assets(struct office *o, const char *path, const struct asset_set *assets, uint64_t seed,
                        struct arena *arena, struct error *err) MUST_CHECK;
/* A host that nobody knows: brought in from outside into the network of `neighbour`. */
struct host *office_bring_in(struct office *o, const struct host *neighbour, struct str name,
                             struct str user);

/* By the key of office.yml ("proxy"), NULL when there is none. */
struct host *office_server(const struct office *o, struct str key);
bool host_has_role(const struct host *h, struct str role); /* "a;b" holds both */

/* hosts.csv, users.csv, departments.csv, networks.csv, exceptions.csv into the folder, which must be there.
 */
bool office_write_context(const struct office *o, const char *folder, struct error *err) MUST_CHECK;

#endif

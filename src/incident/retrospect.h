/* What passed before it was known (S1): content/retrospect.yml, read once, immutable. How stored events are
 * asked and tasks opened is work/retrospect.c. */
#ifndef INCIDENT_RETROSPECT_H
#define INCIDENT_RETROSPECT_H

#include "base/error.h"
#include "event/field.h"

#define RETROSPECT_FIELDS_MAX     16 /* of one kind of hash */
#define RETROSPECT_PLACES_MAX     8
#define RETROSPECT_USES_MAX       16
#define RETROSPECT_CONDITIONS_MAX 4
#define RETROSPECT_CHECKS_MAX     16
#define RETROSPECT_IGNORED_MAX    16

/* The strongest first: an object is named by the first one that is known of it. */
enum retrospect_hash { RETROSPECT_SHA256, RETROSPECT_SHA1, RETROSPECT_MD5, RETROSPECT_HASHES };

struct retrospect_text {
    struct str en, ja;
};

struct retrospect_condition { /* the field has the value, or it is one of its values */
    field_id field;
    struct str value;
};

struct retrospect_conditions {
    struct retrospect_condition items[RETROSPECT_CONDITIONS_MAX];
    uint32_t count;
};

struct retrospect_use {
    struct str id;
    struct retrospect_text text;
    struct retrospect_conditions when; /* all of them */
};

struct retrospect_place { /* of one file of an event */
    field_id path, hashes[RETROSPECT_HASHES];
};

struct retrospect_rules {
    struct arena *arena; /* its own */
    struct str version;
    int64_t round_seconds, look_back_days, gap_least_seconds, due_minutes, due_server_minutes, hosts_most;
    struct {
        field_id fields[RETROSPECT_FIELDS_MAX]; /* the first: of the file that a verdict is about */
        uint32_t count;
    } hashes[RETROSPECT_HASHES];
    struct retrospect_place
        places[RETROSPECT_PLACES_MAX]; /* the first: of the file that a verdict is about */
    uint32_t place_count;
    struct str ignored[RETROSPECT_IGNORED_MAX]; /* lower case */
    uint32_t ignored_count;
    struct retrospect_use uses[RETROSPECT_USES_MAX]; /* the gravest first */
    uint32_t use_count;
    struct retrospect_conditions prevented; /* any of them: it was stopped, and is no use */
    struct retrospect_text title, script, checks[RETROSPECT_CHECKS_MAX];
    uint32_t check_count;
};

/* NULL with file, line and remedy. */
struct retrospect_rules *retrospect_rules_load(const char *path, struct error *err) MUST_CHECK;
/* The same for text at hand, which is copied; `path` is for messages. */
struct retrospect_rules *retrospect_rules_read(struct str text, const char *path,
                                               struct error *err) MUST_CHECK;
void retrospect_rules_free(struct retrospect_rules *r); /* NULL is fine */

/* A text of the file with its {name}, {host} and {use} filled in. */
struct str retrospect_fill(struct str text, struct str name, struct str host, struct str use,
                           struct arena *arena);

/* How much of a hash text it is: 64, 40 or 32 hexadecimal digits; false for anything else. */
bool retrospect_is_hash(struct str text, enum retrospect_hash kind);

#endif

/* The compiled form of a parser: what the loader (load_*.c, compile_*.c) builds and the runner (run_*.c)
 * reads. Private to this stage.
 *
 * Every value that a parser can touch has a slot: names of the record ($srcip) and event fields (source.ip)
 * alike. Slots 0 … SLOT_WELL_KNOWN-1 are the same event fields in every parser, so that derive.c needs no
 * look-up. A run fills slots; at the end the slots that are fields become the event. */
#ifndef NORMALISE_PROGRAM_H
#define NORMALISE_PROGRAM_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "base/regex.h"
#include "event/field.h"
#include "normalise/normalise.h"
#include "parse/csv.h"
#include "parse/key_value.h"
#include "parse/pattern.h"

typedef uint16_t slot_id;
#define SLOT_NONE UINT16_MAX
#define SLOTS_MAX 8192

/* Fields that derive.c reads or writes: well_known.def. */

enum {
#define X(constant, name) SLOT_##constant,
#include "normalise/well_known.def"
#undef X
    SLOT_WELL_KNOWN
};

/* Names that the header gives; the same slots in every parser, behind the fields. */
/* clang-format off */
#define BUILT_IN_NAMES(X) \
    X(SYSLOG_HOST, "syslog.host") \
    X(SYSLOG_APP, "syslog.app") \
    X(SYSLOG_PID, "syslog.pid") \
    X(SYSLOG_MSGID, "syslog.msgid") \
    X(SYSLOG_TIME, "syslog.time") \
    X(SYSLOG_PRIORITY, "syslog.priority") \
    X(SYSLOG_SEVERITY, "syslog.severity") \
    X(SYSLOG_FACILITY, "syslog.facility") \
    X(RECORD_MESSAGE, "record.message") \
    X(RECORD_RAW, "record.raw") \
    X(SOURCE_NAME, "source.name") \
    X(TABLE_PATH, "table.path") \
    X(TABLE_SOFTWARE, "table.software")
/* clang-format on */

enum {
    SLOT_BUILT_IN_FIRST = SLOT_WELL_KNOWN - 1,
#define X(constant, name) SLOT_##constant,
    BUILT_IN_NAMES(X)
#undef X
        SLOT_FIXED
};

enum related { RELATED_NONE, RELATED_IP, RELATED_USER, RELATED_HOSTS, RELATED_HASH };

struct slot {
    struct str name;  /* of the field, or of the record's name without '$' */
    field_id field;   /* FIELD_NONE: a name of the record */
    field_id kept_as; /* where an unmapped name goes, FIELD_NONE = dropped */
    uint8_t type;     /* enum value_type */
    uint8_t related;  /* enum related */
    bool is_array, is_mac;
    bool is_consumed; /* mapped or used as time: not kept again */
    slot_id
        address_twin; /* x.ip: slot of x.domain, for texts that are names and no addresses; else SLOT_NONE */
};

/* Expressions -------- */

enum expression_kind {
    EXPRESSION_TEXT,
    EXPRESSION_SLOT,
    EXPRESSION_OR,
    EXPRESSION_AND,
    EXPRESSION_NOT,
    EXPRESSION_EQUAL,
    EXPRESSION_NOT_EQUAL,
    EXPRESSION_LESS,
    EXPRESSION_LESS_EQUAL,
    EXPRESSION_GREATER,
    EXPRESSION_GREATER_EQUAL,
    EXPRESSION_IN,
    EXPRESSION_MATCHES,
    EXPRESSION_STARTS,
    EXPRESSION_ENDS,
    EXPRESSION_CONTAINS,
    EXPRESSION_EXISTS,
    EXPRESSION_ADD,
    EXPRESSION_SUBTRACT,
    EXPRESSION_MULTIPLY,
    EXPRESSION_DIVIDE,
    EXPRESSION_FALLBACK,
    EXPRESSION_CALL,
};

struct function;
struct table;

struct expression {
    uint8_t kind;
    slot_id slot;
    uint16_t argument_count;
    struct str text; /* of a constant */
    const struct expression *left, *right;
    const struct expression **arguments;
    const struct function *function;
    const struct regex *regex; /* MATCHES, and extract()/replace_all() */
    const struct map *set;     /* IN */
    const struct table *table; /* lookup() */
};

/* Steps -------- */

struct assignment {
    slot_id slot;
    bool append;
    const struct expression *value;
    const struct assignment *next;
};

struct table_row {
    const struct expression *text;        /* scalar tables: the value itself */
    const struct assignment *assignments; /* tables of several fields */
};

struct table {
    struct str name;
    struct map *rows; /* key → struct table_row * */
    const struct table_row *otherwise;
    bool ignore_case;
};

struct block; /* a list of steps */

struct pattern_entry {
    const struct pattern *pattern; /* or: */
    const struct regex *regex;
    uint16_t capture_count;
    slot_id *slots; /* one per capture (regex: per group number) */
    const struct block *then;
};

struct column_set {
    slot_id *slots;
    uint32_t count;
};

enum shape_kind {
    SHAPE_NONE,
    SHAPE_KEY_VALUE,
    SHAPE_JSON,
    SHAPE_CSV,
    SHAPE_CEF,
    SHAPE_LEEF,
    SHAPE_XML,
    SHAPE_PATTERN,
    SHAPE_STRUCTURED,
    SHAPE_DOCUMENT /* JSON or XML, whichever it is */
};

struct shape {
    uint8_t kind;
    bool is_required; /* a text that does not have the shape refuses the record */
    bool has_header;  /* csv: first line or '#' lines name the columns */
    bool ignore_array_index;
    const struct expression *from; /* NULL = the record's message */
    struct str prefix;             /* in front of every name */
    struct key_value_form key_value;
    uint32_t minimum; /* pairs or columns that must be there */
    struct column_form column;
    const struct column_set *columns; /* when no selection */
    uint16_t select_column;           /* 1-based; 0 = no selection; UINT16_MAX = by number of columns */
    struct map *selections;           /* text → struct column_set * */
    const struct pattern_set *set;    /* patterns, declared order */
    const struct pattern_entry *entries;
    uint32_t entry_count;
    const struct pattern_entry *regexes; /* tried after the patterns */
    uint32_t regex_count;
};

struct date {
    const struct expression *from;
    const struct expression *zone; /* NULL = the source's zone */
    const struct time_format **formats;
    uint8_t *kinds; /* enum date_kind per format */
    uint32_t count;
    slot_id to; /* SLOT_NONE = @timestamp */
};
enum date_kind {
    DATE_FORMAT,
    DATE_ISO,
    DATE_EPOCH,
    DATE_EPOCH_S,
    DATE_EPOCH_MS,
    DATE_EPOCH_US,
    DATE_EPOCH_NS,
    DATE_SYSLOG
};

enum step_kind {
    STEP_SHAPE,
    STEP_DATE,
    STEP_TABLE,
    STEP_ASSIGN,
    STEP_REMOVE,
    STEP_URL,
    STEP_SPLIT,
    STEP_SWITCH,
    STEP_BLOCK,
    STEP_REFUSE,
    STEP_STOP,
    STEP_PAIRS,
    STEP_EACH,
};

struct step {
    uint8_t kind;
    const struct expression *when; /* STEP_BLOCK only */
    const struct expression *from;
    const struct shape *shape;
    const struct date *date;
    const struct table *table;
    slot_id to;
    const struct assignment *assignments;
    const slot_id *slots; /* REMOVE, SPLIT targets, URL prefix fields */
    uint32_t slot_count;
    struct str separator;             /* SPLIT, EACH; PAIRS: prefix */
    struct str pair_name, pair_value; /* PAIRS */
    const struct map *cases;          /* SWITCH: text → struct block * */
    const struct block *then, *otherwise;
    const struct step *next;
};

struct block {
    const struct step *first;
};

/* Recognition -------- */

struct literals {
    struct str *texts;
    uint32_t *numbers; /* in the normaliser's scanner; set by recognise_build */
    uint32_t count;
};

struct recogniser { /* one way to recognise a parser: everything given must hold */
    const struct parser *parser;
    uint32_t index;   /* in the normaliser's list */
    int16_t priority; /* 0 … 100, usually 50 */
    uint32_t weight;  /* bytes of literals: the tie-break, more specific first */
    struct literals apps, starts, all, any, none;
    const struct regex *regex;
};

enum envelope { ENVELOPE_AUTO, ENVELOPE_SYSLOG, ENVELOPE_NONE };
enum {
    DERIVE_CLIENT_SERVER = 1,      /* source → client, destination → server */
    DERIVE_SOURCE_DESTINATION = 2, /* and back */
    DERIVE_USER_DOMAIN = 4,        /* DOMAIN\user and user@domain in user.name are taken apart */
    DERIVE_NO_URL = 8,             /* url.original is left as it is */
    DERIVE_DIRECTION = 32,         /* network.direction from private and public addresses */
    DERIVE_NO_HOST = 16,           /* host.name is not taken from host.hostname */
};

/* A part of the record whose names stand without their path and are all kept, as they are. */
struct part {
    struct str under;       /* "Event.EventData." */
    bool skips_one;         /* under: "Event.UserData.*": one further element of the path is left out */
    struct str keep_prefix; /* "winlog.event_data." */
};

struct mapping {
    slot_id from;
    uint32_t target_count;
    slot_id *targets;
    const struct expression *first_of; /* not NULL: an expression instead of a name */
};

struct parser {
    uint16_t number;
    bool is_library;
    struct str name, path, title_en, title_ja;
    unsigned line;
    struct str *aliases;
    uint32_t alias_count;
    uint8_t envelope;
    unsigned derive;
    struct slot *slots;
    uint32_t slot_count, slot_capacity;
    struct map names;    /* name of the record → slot */
    struct map fields;   /* field name → slot */
    struct map nulls;    /* texts that mean nothing */
    size_t null_longest; /* and what is cheap to know about them */
    bool null_begins[256];
    struct map tables;  /* name → struct table * */
    struct map dropped; /* names not to be kept */
    bool keeps, is_ecs; /* is_ecs: names of the record that are ECS fields are those fields */
    bool keeps_mapped;  /* names without a dot are kept even when they are mapped, and as they are */
    struct part *parts; /* the first whose path fits */
    uint32_t part_count;
    struct str keep_prefix; /* "fortinet.firewall" */
    struct str kept_under;  /* the same with a dot */
    const struct shape *shape;
    const struct block *before, *steps;
    const struct date **times;
    uint32_t time_count;
    struct mapping *mappings;
    slot_id *mapping_from; /* of each mapping, densely: most names of a parser are absent from a record */
    uint32_t mapping_count, mapping_capacity;
    const struct assignment *defaults;
    struct recogniser **recognisers;
    uint32_t recogniser_count;
    const struct yaml *samples; /* list, may be NULL */
};

struct literal_scanner;

struct normaliser {
    struct arena arena;
    struct parser **parsers; /* [number - 1] */
    uint32_t parser_count;
    struct map by_name; /* name or alias, lower case → struct named_parsers * */
    struct map by_app;  /* program, lower case → struct candidates * */
    struct literal_scanner *scanner;
    struct recogniser **recognisers; /* all, [index] */
    uint32_t recogniser_count;
    struct candidates *by_literal;  /* [literal number]: those that this literal brings up */
    struct candidates *last_resort; /* recognisers without literals and programs, by priority */
    uint32_t slots_max;
    uint64_t generation;    /* tells normalisers apart for source memories */
    struct regex **regexes; /* freed with it */
    struct time_format **formats;
    struct map **maps;
    uint32_t regex_count, regex_capacity, format_count, format_capacity, map_count, map_capacity;
};

struct named_parsers { /* those that answer to one name */
    struct parser **items;
    uint32_t count, capacity;
};

struct candidates {
    struct recogniser **items; /* by descending priority, then weight */
    uint32_t count, capacity;
};

#endif

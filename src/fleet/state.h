/* What the fleet remembers. Flat structs of numbers: texts are numbers in `names`, times are event times
 * (TIME_UNKNOWN = never), and all is saved as it lies (checkpoint.c). Inside the stage only. */
#ifndef FLEET_STATE_H
#define FLEET_STATE_H

#include "base/ip.h"
#include "base/map.h"
#include "fleet/rules.h"
#include "fleet/version.h"

#define HOST_ADDRESSES  4
#define HEARTBEAT_GAPS  7
#define PRODUCTS_MAX    256 /* 0 = unknown */
#define RELEASES_JUDGED 31  /* the latest one and 30 of history (S33) */
#define REASONS_MAX     32
#define WORDS_MAX       64
#define SIGHTING_HOSTS  8
#define PATCHES_MAX     8

/* ------------------------------------------------------------------- names */

typedef uint32_t name_id; /* 0 = "" */
#define NAMES_MAX 400000

struct names {
    struct arena arena;
    struct map by_text;
    struct str *texts;
    uint32_t count, capacity;
    uint64_t refused;
};
name_id name_put(struct names *n, struct str text);
struct str name_text(const struct names *n, name_id id);
void names_init(struct names *n);
void names_free(struct names *n);

/* ---------------------------------------------------------------- versions */

struct adoption { /* one host has come to a release or beyond */
    uint32_t after_seconds;
    name_id department, site;
};

struct release { /* one version of a product's component */
    name_id name;
    uint32_t hosts; /* that ever reported it */
    struct version_key key;
    int64_t first_ns;    /* first seen anywhere in the estate */
    int64_t told_ns;     /* release time by the log or by the version's own date; TIME_UNKNOWN */
    uint32_t is_release; /* became the newest after warm-up: first_ns is when it came out here */
    uint32_t delay_told;
    uint32_t adoption_count, adoption_capacity;
    struct adoption *adoptions;
};

struct versions { /* ascending */
    struct release *items;
    uint32_t count, capacity;
    int64_t first_ns; /* of the first version ever seen */
};

struct product {
    name_id name, vendor;
    int64_t first_ns, last_ns; /* any word of it, from any host or gateway */
    uint64_t events, alarms;
    uint32_t functions; /* bits */
    uint32_t hosts;     /* with this product as antivirus and the like; by products_count() */
    uint32_t is_gateway;
    uint32_t scans_long_told; /* S4: a finding was made of how long its scans take */
    int64_t tested_ns;        /* it found the EICAR test file (S28) */
    struct versions versions[COMPONENT_COUNT];
};

/* ---------------------------------------------------------------- controls */

enum tri { TRI_UNKNOWN, TRI_NO, TRI_YES };
enum tamper_sign { /* bits */
                   TAMPER_STOPPED = 1 << 0,
                   TAMPER_REMOVED = 1 << 1,
                   TAMPER_EXCLUSION = 1 << 2,
                   TAMPER_DISABLED = 1 << 3,
                   TAMPER_BLOCKED = 1 << 4,
                   TAMPER_OTHER = 1 << 5,
};

struct held { /* a version a host has */
    name_id name;
    uint32_t product;  /* whose it is */
    uint32_t is_known; /* parsed */
    struct version_key key;
    int64_t since_ns, seen_ns;
};

struct control {
    uint32_t product;
    uint32_t is_present; /* anything was ever said about it */
    uint32_t is_removed;
    uint32_t tampering; /* bits of enum tamper_sign */
    enum tri service, enabled, realtime;
    int64_t first_ns, last_ns;       /* any word of or about the control */
    int64_t heartbeat_ns;            /* the agent itself spoke */
    int64_t contact_from_ns;         /* it has been speaking since, without a long pause */
    int64_t gaps_ns[HEARTBEAT_GAPS]; /* between heartbeats, a ring */
    uint32_t gap_count;
    int64_t word_gaps_ns[HEARTBEAT_GAPS]; /* between any words of an agent that sends no heartbeats */
    uint32_t word_gap_count;
    int64_t service_ns, realtime_ns, enabled_ns;
    struct held held[COMPONENT_COUNT];
    int64_t update_ns, update_failed_ns, first_update_ns;
    uint32_t updates, update_failures;
    int64_t scan_started_ns, scan_completed_ns; /* full scans */
    uint32_t scans_cancelled, scans_failed;
    int64_t scan_failed_ns;
    int64_t scan_from_ns;             /* the one that was begun and of whose end nobody told */
    int64_t scan_took_ns;             /* the last completed one; −1 unknown */
    int64_t scan_files, scan_skipped; /* of the last one; −1 unknown */
    uint32_t scan_is_paused;
    name_id policy, assigned_policy;
    int64_t policy_ns;
    uint32_t contradictions;
    int64_t contradiction_ns;
    uint32_t contradiction_port, contradiction_inbound;
    int64_t tamper_ns;
    uint32_t silent_told;                     /* a finding was made of this silence */
    int64_t traffic_from_ns, traffic_last_ns; /* the host's own, without pause, since the last heartbeat */
    int64_t silent_since_ns;                  /* TIME_UNKNOWN: not silent */
    int64_t beat_ns;                          /* the last word that was a heartbeat by itself */
};

/* ------------------------------------------------------------------- hosts */

enum seen_by { SEEN_TRAFFIC = 1, SEEN_LEASE = 2, SEEN_ADMISSION = 4, SEEN_OWN_LOG = 8, SEEN_AGENT = 16 };

struct host_address {
    struct ip ip;
    int64_t seen_ns;
};

struct patch {
    name_id id;
    uint32_t is_exploited;
    int64_t released_ns, seen_ns;
};

struct host {
    name_id name;  /* lower case, without its domain; the address while no name is known */
    name_id shown; /* the same as somebody wrote it */
    uint32_t is_nameless;
    name_id department, site, type;
    uint32_t is_server, is_exempt, is_in_inventory;
    uint32_t seen; /* bits of enum seen_by */
    int64_t first_ns, last_ns, traffic_ns;
    struct host_address addresses[HOST_ADDRESSES];
    uint32_t address_count;
    uint32_t refusals, attempts; /* sessions (S48) */
    int64_t refusal_ns, attempt_ns;
    name_id refusal_reason;
    uint32_t late_count;
    int64_t malware_ns;   /* the last verdict about it that was no test */
    uint32_t patch_count; /* missing ones, as last told */
    int64_t patch_ns;
    struct patch patches[PATCHES_MAX];
    struct control *controls[FUNCTION_COUNT]; /* NULL = never told of */
};

/* ------------------------------------------- hashes, late detections, gateways */

struct sighting { /* of a file, by the hash of its hash */
    uint64_t file;
    int64_t first_ns, last_ns;
    int64_t passed_ns; /* a gateway called it clean */
    uint32_t passed_product, caught_product;
    uint32_t host_count; /* the first SIGHTING_HOSTS are kept */
    name_id hosts[SIGHTING_HOSTS];
    int64_t host_first_ns[SIGHTING_HOSTS];
};

struct sightings { /* two halves: a full one makes the older go */
    struct sighting *halves[2];
    uint32_t counts[2], capacity; /* slots: twice the capacity, open addressing; file 0 = free */
    uint64_t dropped;
};
/* The file's, made when `create`; NULL when unknown. Valid until the next call. */
struct sighting *sighting_find(struct sightings *s, uint64_t file, int64_t time_ns, bool create);
void sighting_host(struct sighting *s, name_id host, int64_t time_ns);

enum late_basis { LATE_BY_FILE_TIME = 1, LATE_BY_SIGHT };
struct late {
    name_id host, department, malware, path, hash_text;
    uint64_t file;           /* 0 = no hash */
    uint32_t product, basis; /* 0 = nobody knows since when */
    int64_t detected_ns, first_ns;
};

struct scan { /* a full scan that was completed, and of which it is known how long it took (S4) */
    name_id host, department;
    uint32_t product;
    int64_t ended_ns, took_ns;
};

enum path_bits { PATH_MAIL = 1, PATH_WEB = 2, PATH_SERVER = 4, PATH_CLIENT = 8 };
struct gateway {
    name_id name;
    uint32_t product, paths;
    int64_t first_ns, last_ns;
    uint64_t events, alarms;
    struct held held[COMPONENT_COUNT];
};

struct catch
{ /* S16: what one let pass and the other caught later */
    uint32_t passed_product, caught_product;
    uint64_t count;
};
#define CATCHES_MAX 64

struct reason { /* S48 */
    name_id name;
    uint64_t count;
    int64_t last_ns;
};

struct word { /* that content/fleet.yml does not list */
    name_id name;
    uint64_t count;
};

/* ------------------------------------------------------------------- fleet */

struct fleet {
    struct fleet_rules *rules;
    struct regex_scratch *regex;
    struct names names;
    struct host **hosts;
    uint32_t host_count, host_capacity;
    struct arena keys; /* of the two maps */
    struct map by_name, by_address;
    uint32_t dead_keys;
    struct product *products;
    uint32_t product_count;
    struct map by_product; /* name id as bytes: see products.c */
    struct gateway *gateways;
    uint32_t gateway_count;
    struct sightings sightings;
    struct late *lates; /* a ring */
    uint32_t late_count, late_capacity;
    uint64_t lates_ever;
    struct scan *scans; /* a ring */
    uint32_t scan_count, scan_capacity;
    uint64_t scans_ever;
    struct catch catches[CATCHES_MAX];
    uint32_t catch_count;
    struct reason reasons[REASONS_MAX];
    uint32_t reason_count;
    struct word words[WORDS_MAX];
    uint32_t word_count;
    int64_t watermark_ns, due_ns;
    bool has_inventory; /* as of the last question */
    uint64_t through;   /* the last event taken */
    struct fleet_counters counters;
    /* while a batch is taken */
    struct batch *batch;
    const struct event *event;
    struct finding **insert_at;
};

static inline struct str text_of(const struct fleet *f, name_id id)
{
    return name_text(&f->names, id);
}

/* hosts.c */
struct host *host_by_name(struct fleet *f, struct str name, bool create);
/* The host with that address at the time; a nameless one is made when `create`. */
struct host *host_by_address(struct fleet *f, const struct ip *ip, int64_t time_ns, bool create);
/* From now on the address is this host's; what was known of it without a name becomes the host's. */
void host_take_address(struct fleet *f, struct host *h, const struct ip *ip, int64_t time_ns);
struct control *host_control(struct host *h, enum control_function function);
void hosts_forget(struct fleet *f, int64_t before_ns);
void hosts_index(struct fleet *f); /* both maps anew */
void hosts_free(struct fleet *f);

/* products.c */
uint32_t product_number(struct fleet *f, struct str name, struct str vendor); /* 0 = table full */
struct product *product_at(const struct fleet *f, uint32_t number);           /* number ≥ 1 */
void product_free(struct product *p);
/* A host (NULL: a gateway) says which version it has; `released_ns` as the log tells it or TIME_UNKNOWN. */
void version_seen(struct fleet *f, uint32_t product, enum component c, struct held *held, struct host *h,
                  const struct control *control, struct str text, int64_t time_ns, int64_t released_ns);

/* How many hosts each product is on. */
void products_count(struct fleet *f);

/* fleet.c */
void note_word(struct fleet *f, struct str word);
/* control.c: control facts of the event. */
void control_take(struct fleet *f, struct host *h, const struct event *e, int64_t time_ns);
void patches_take(struct fleet *f, struct host *h, const struct event *e, int64_t time_ns);
/* How long the agent usually is between two heartbeats; of one that sends none, the longest of the latest
 * pauses between its words. TIME_UNKNOWN when neither is known. */
int64_t control_interval_ns(const struct fleet *f, const struct control *c);
bool has_control_facts(const struct event *e);
/* scans.c: full scans. */
void scan_take(struct fleet *f, const struct host *h, struct control *c, const struct event *e,
               int64_t time_ns);
void scans_find_long(struct fleet *f, int64_t now_ns);
/* detections.c: files and verdicts. */
void detection_take(struct fleet *f, struct host *h, uint32_t product, const struct event *e,
                    int64_t time_ns);
uint64_t file_of(const struct event *e, struct str *hash_text);
/* firewall.c */
void firewall_take(struct fleet *f, struct host *h, bool is_own_log, bool is_inbound, const struct event *e,
                   int64_t time_ns);
/* gateway.c */
void gateway_take(struct fleet *f, const struct event *e, int64_t time_ns);
/* evaluate.c */
void evaluate(struct fleet *f, int64_t now_ns);
/* tell.c */
struct told {
    enum fleet_finding which;
    int64_t time_ns;
    const struct host *host;   /* NULL: nobody's */
    const struct event *event; /* who it is about, when it comes from one; NULL */
    struct matched_value facts[6];
    uint32_t fact_count;
};
void tell(struct fleet *f, const struct told *t);

static inline bool is_known(int64_t time_ns)
{
    return time_ns != TIME_UNKNOWN;
}
static inline int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b; /* TIME_UNKNOWN is the earliest */
}
static inline int64_t sooner(int64_t a, int64_t b)
{
    return !is_known(a) ? b : !is_known(b) ? a : a < b ? a : b;
}

#endif

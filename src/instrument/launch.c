/* Instrument: programs that few hosts start (S45–S47, S111). Reads launches, and flows that name their
 * process; tells suspicious launches, launches from removable media, stopped ones, and flows that a program
 * off the list made.
 *
 *   score = −log10(hosts with it / active hosts) + unsigned 2 + temporary or removable path 2
 *         + first seen within 24 h 1 + the host communicated outwards within 10 min 2          (spec S47)
 *
 * Who has it is counted exactly, over 90 days, by signer, by hash and by path (versions and users made
 * equal): a signed update counts with its signer, so that the first hosts of a roll-out are not rare. A
 * signed program is judged only after some hours, when it has had time to spread; and rarity alone never
 * suffices: it must be unsigned, off the list, or lie where programs do not belong. What is not known (no
 * signature in the record) adds nothing. Next: sensor.c for the same in sensor departments. */
#include "instrument/kinds.h"

#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "instrument/prevalence.h"
#include "instrument/program.h"

#define SLOTS        4
#define PATH_KEPT    200
#define HOST_KEPT    64
#define COMMON_HOSTS 5 /* fewer are no roll-out, whatever their share */
#define HOUR_NS      (3600 * NS_PER_SECOND)
#define DAY_NS       (24 * HOUR_NS)

enum { LAUNCH_SUSPICIOUS, LAUNCH_MADE_FLOW, LAUNCH_REMOVABLE, LAUNCH_BLOCKED };
static const char *const findings[] = {"launch_suspicious", "launch_made_flow", "launch_from_removable",
                                       "launch_blocked"};

struct launch_parameters {
    double threshold, unsigned_points, path_points, new_points, communication_points, new_hours, common_share,
        unsigned_share, communication_minutes, communication_ratio, settle_hours, memory_days, repeat_hours,
        max_programs, max_hosts, max_pairs;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct launch_parameters, field), low, high                                         \
    }
static const struct parameter parameters[] = {
    P(threshold, 0.5, 20),
    P(unsigned_points, 0, 10),
    P(path_points, 0, 10),
    P(new_points, 0, 10),
    P(communication_points, 0, 10),
    P(new_hours, 1, 720),
    P(common_share, 0.001, 1),
    P(unsigned_share, 0.001, 1),
    P(communication_minutes, 1, 1440),
    P(communication_ratio, 1, 1000),
    P(settle_hours, 0, 72),
    P(memory_days, 1, 400),
    P(repeat_hours, 1, 720),
    P(max_programs, 100, 1e7),
    P(max_hosts, 10, 1e7),
    P(max_pairs, 1000, 1e8),
};
#undef P

enum { BY_SIGNER, BY_HASH, BY_PATH, IDENTITIES };

struct known_host {
    uint32_t number;
};

/* A launch that may still become suspicious, or whose flows are of interest. */
struct slot {
    int64_t launched_ns, communicated_ns, due_ns; /* due: when a signed one is judged; 0 = at once */
    int64_t told_ns[COUNT_OF(findings)];
    uint64_t path_hash, name_hash;
    int64_t process_id;
    uint64_t identities[IDENTITIES]; /* hashes of keys in `programs`; 0 = none */
    uint8_t signature_state, is_off_list, is_temporary, is_removable, is_blocked;
    uint16_t path_length, host_length, ip_length;
    char path[PATH_KEPT]; /* its end, as told */
    char host[HOST_KEPT], ip[IP_TEXT_MAX];
};

struct recent {
    struct slot slots[SLOTS];
};

struct launch {
    const struct launch_parameters *p;
    struct prevalence *prevalence;
    struct keyed *hosts, *aliases, *recent;
    uint32_t next_host;
    int64_t next_due_ns; /* INT64_MAX = none */
};

static struct str bytes_of(const void *p, size_t n)
{
    return str_n(p, n);
}
#define BYTES(x) bytes_of(&(x), sizeof(x))

static struct keyed *table(size_t record_bytes, double most)
{
    return keyed_new(&(struct keyed_options){(uint32_t)record_bytes, (uint32_t)most, NULL, NULL});
}

static void *open_launch(struct instrument *i)
{
    struct launch *l = NEW(struct launch);
    const struct launch_parameters *p = l->p = instrument_parameters(i);
    l->next_due_ns = INT64_MAX;
    l->prevalence = prevalence_new(p->max_programs, p->max_pairs);
    l->hosts = table(sizeof(struct known_host), p->max_hosts);
    l->aliases = table(sizeof(uint32_t), p->max_hosts * 3);
    l->recent = table(sizeof(struct recent), p->max_hosts);
    return l;
}

static void close_launch(void *state)
{
    struct launch *l = state;
    prevalence_free(l->prevalence);
    keyed_free(l->hosts);
    keyed_free(l->aliases);
    keyed_free(l->recent);
    memory_free(l);
}

/* --------------------------------------------------------------------- hosts */

static struct str lower(struct str text, char out[256])
{
    size_t n = text.n < 256 ? text.n : 256;
    for (size_t i = 0; i < n; i++)
        out[i] = ascii_lower(text.p[i]);
    return str_n(out, n);
}

/* The host that starts programs; every name that flows may call it by leads to its number. */
static uint32_t number_host(struct launch *l, const struct sight *s)
{
    char name[256];
    struct str names[] = {s->key, s->host_ip, lower(s->host_name, name)};
    struct known_host *host = keyed_put(l->hosts, s->key, s->time_ns, NULL);
    if (host->number == 0)
        host->number = ++l->next_host;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (names[i].n)
            *(uint32_t *)keyed_put(l->aliases, names[i], s->time_ns, NULL) = host->number;
    return host->number;
}

/* Who sends a flow; when it names a process, the record is of the host that runs it. */
static uint32_t find_host(const struct launch *l, const struct sight *s)
{
    char name[256];
    struct str host = lower(s->host_name, name);
    struct str names[] = {s->program.n ? host : STR_EMPTY, s->program.n ? s->host_ip : STR_EMPTY, s->key,
                          s->source.text, host};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const uint32_t *number = names[i].n ? keyed_find(l->aliases, names[i]) : NULL;
        if (number != NULL)
            return *number;
    }
    return 0;
}

/* ------------------------------------------------------------------ standing */

static uint64_t identity_hash(char kind, struct str text)
{
    char key[PROGRAM_TEXT_MAX + 1];
    if (text.n == 0)
        return 0;
    key[0] = kind;
    struct str low = lower(text, key + 1); /* 256 bytes of it */
    return str_hash(str_n(key, low.n + 1));
}

static void identify(const struct sight *s, struct str path, struct slot *slot)
{
    char shape[PROGRAM_TEXT_MAX];
    bool has_folder = str_find_char(path, '\\', 0) != STR_NOT_FOUND;
    slot->identities[BY_SIGNER] = s->signature_state == SIGNED_NO ? 0 : identity_hash('s', s->signer);
    slot->identities[BY_HASH] = identity_hash('h', s->sha256);
    slot->identities[BY_PATH] = has_folder ? str_hash(program_shape(path, shape)) : 0;
    slot->path_hash = str_hash(path);
    slot->name_hash = str_hash(program_name(path));
}

struct standing {
    double hosts, active, rarity, score;
    int64_t first_ns;
};

/* Malware borrows names and folders, not signatures: a path speaks for a program only when nothing better
 * does, and never for one that is known to be unsigned. */
static struct standing stand(const struct launch *l, const struct slot *slot, int64_t now_ns)
{
    const struct launch_parameters *p = l->p;
    struct standing st = {.hosts = 1, .active = keyed_count(l->hosts), .first_ns = INT64_MAX};
    for (int k = 0; k < IDENTITIES; k++) {
        bool counts = slot->identities[k] != 0;
        if (k == BY_PATH && slot->signature_state == SIGNED_NO && slot->identities[BY_HASH] != 0)
            counts = false;
        uint32_t hosts;
        int64_t first_ns;
        if (!counts || !prevalence_of(l->prevalence, slot->identities[k], &hosts, &first_ns))
            continue;
        st.hosts = hosts > st.hosts ? hosts : st.hosts;
        st.first_ns = first_ns < st.first_ns ? first_ns : st.first_ns;
    }
    st.rarity = st.active > st.hosts ? log10(st.active / st.hosts) : 0;
    st.score = st.rarity;
    if (slot->signature_state == SIGNED_NO)
        st.score += p->unsigned_points;
    if (slot->is_temporary || slot->is_removable)
        st.score += p->path_points;
    if (st.first_ns == INT64_MAX || now_ns - st.first_ns < (int64_t)(p->new_hours * HOUR_NS))
        st.score += p->new_points;
    if (slot->communicated_ns != 0)
        st.score += p->communication_points;
    return st;
}

/* ------------------------------------------------------------------- telling */

static bool may_tell(const struct launch *l, struct slot *slot, unsigned finding, int64_t now_ns)
{
    int64_t *told = &slot->told_ns[finding];
    if (*told != 0 && now_ns - *told < (int64_t)(l->p->repeat_hours * HOUR_NS))
        return false;
    *told = now_ns;
    return true;
}

#define FACTS 8
static size_t describe(const struct slot *slot, const struct standing *st, struct matched_value facts[FACTS],
                       char numbers[2][32])
{
    static const struct str states[] = {STR("unknown"), STR("no"), STR("yes")};
    size_t n = 0;
    facts[n++] = (struct matched_value){STR("process.executable"), str_n(slot->path, slot->path_length)};
    facts[n++] = (struct matched_value){STR("signed"), states[slot->signature_state]};
    for (int i = 0; i < 2; i++)
        snprintf(numbers[i], 32, "%.0f", i == 0 ? st->hosts : st->active);
    facts[n++] = (struct matched_value){STR("hosts_with_it"), str_c(numbers[0])};
    facts[n++] = (struct matched_value){STR("active_hosts"), str_c(numbers[1])};
    if (slot->is_off_list)
        facts[n++] = (struct matched_value){STR("off_list"), STR("yes")};
    if (slot->is_temporary || slot->is_removable)
        facts[n++] = (struct matched_value){STR("path_class"),
                                            slot->is_removable ? STR("removable") : STR("temporary")};
    if (slot->communicated_ns)
        facts[n++] = (struct matched_value){STR("communicated_within"), STR("yes")};
    return n;
}

static void tell(const struct launch *l, struct instrument *i, struct slot *slot, unsigned finding,
                 const struct standing *st, const struct sight *about, struct reading *r)
{
    struct matched_value facts[FACTS];
    char numbers[2][32];
    r->finding = finding;
    r->statistic_name = "score";
    r->statistic = st->score;
    r->threshold = l->p->threshold;
    r->window_ns = (int64_t)(l->p->memory_days) * DAY_NS;
    r->facts = facts;
    r->fact_count = describe(slot, st, facts, numbers);
    if (about != NULL)
        reading_about(r, about);
    if (r->peer.n == 0)
        r->peer = str_n(slot->path, slot->path_length);
    instrument_tell(i, r);
    r->facts = NULL;
    r->fact_count = 0;
}

static bool is_out_of_place(const struct slot *slot)
{
    return slot->signature_state == SIGNED_NO || slot->is_off_list || slot->is_temporary ||
           slot->is_removable;
}

/* A good part of the hosts has it: a roll-out. More of them are wanted when nobody says that it is signed:
 * worms spread too. */
static bool is_common(const struct launch *l, const struct slot *slot, const struct standing *st)
{
    double share = slot->signature_state == SIGNED_YES ? l->p->common_share : l->p->unsigned_share;
    return st->hosts >= COMMON_HOSTS && st->hosts >= share * st->active;
}

static void judge_slot(struct launch *l, struct instrument *i, struct slot *slot, int64_t now_ns,
                       const struct sight *about, struct reading r)
{
    struct standing st = stand(l, slot, now_ns);
    if (slot->is_blocked || !is_out_of_place(slot) || is_common(l, slot, &st) || st.score < l->p->threshold ||
        now_ns < slot->due_ns || !may_tell(l, slot, LAUNCH_SUSPICIOUS, now_ns))
        return;
    if (slot->communicated_ns)
        r.likelihood_ratio = l->p->communication_ratio;
    tell(l, i, slot, LAUNCH_SUSPICIOUS, &st, about, &r);
}

/* ---------------------------------------------------------------- launches */

/* The host's place for this program: its own, else the one whose launch lies furthest back. */
static struct slot *place(struct launch *l, uint32_t host, const struct slot *fresh, int64_t time_ns)
{
    struct recent *recent = keyed_put(l->recent, BYTES(host), time_ns, NULL);
    struct slot *oldest = &recent->slots[0];
    for (int n = 0; n < SLOTS; n++) {
        struct slot *slot = &recent->slots[n];
        if (slot->launched_ns && slot->path_hash == fresh->path_hash) {
            struct slot before = *slot;
            *slot = *fresh;
            memcpy(slot->told_ns, before.told_ns, sizeof slot->told_ns);
            return slot;
        }
        if (slot->launched_ns < oldest->launched_ns)
            oldest = slot;
    }
    *oldest = *fresh;
    return oldest;
}

static uint16_t keep_text(char *to, size_t most, struct str text)
{
    if (text.n > most)
        text = str_skip(text, text.n - most); /* the end says more */
    memcpy(to, text.n ? text.p : "", text.n);
    return (uint16_t)text.n;
}

static struct slot read_launch(const struct launch *l, const struct instrument *i, const struct sight *s)
{
    bool is_flow = (s->kinds & SIGHT_PROCESS) == 0;
    char path[PROGRAM_TEXT_MAX];
    struct str low = program_path(s->program, path);
    struct slot slot = {.launched_ns = s->time_ns,
                        .process_id = s->process_id,
                        .signature_state = (uint8_t)s->signature_state,
                        .is_off_list = !is_flow && program_is_off_list(i, s),
                        .is_temporary = program_is_temporary(i, low),
                        .is_removable = program_is_removable(i, low),
                        .is_blocked = !is_flow && s->passage == PASSAGE_DENIED};
    identify(s, low, &slot);
    slot.path_length = keep_text(slot.path, PATH_KEPT, s->program);
    slot.host_length = keep_text(slot.host, HOST_KEPT, s->name);
    slot.ip_length = keep_text(slot.ip, IP_TEXT_MAX, s->ip);
    if (slot.signature_state == SIGNED_YES && !slot.is_off_list)
        slot.due_ns = s->time_ns + (int64_t)(l->p->settle_hours * HOUR_NS);
    return slot;
}

/* A launch, or the first flow of a program whose launch nobody told of. */
static void see_program(struct launch *l, struct instrument *i, const struct sight *s, uint32_t host)
{
    struct slot fresh = read_launch(l, i, s);
    struct reading r = {0};
    for (int k = 0; k < IDENTITIES && !fresh.is_blocked; k++)
        if (fresh.identities[k])
            prevalence_count(l->prevalence, fresh.identities[k], host, s->time_ns);
    if (!is_out_of_place(&fresh) || (s->exceptions & EXCEPTED_APPLICATION))
        return;
    struct slot *slot = place(l, host, &fresh, s->time_ns);
    if (slot->due_ns > s->time_ns && slot->due_ns < l->next_due_ns)
        l->next_due_ns = slot->due_ns;
    struct standing st = stand(l, slot, s->time_ns);
    if (slot->is_off_list && slot->is_blocked) {
        if (may_tell(l, slot, LAUNCH_BLOCKED, s->time_ns))
            tell(l, i, slot, LAUNCH_BLOCKED, &st, s, &r);
        return;
    }
    if (slot->is_off_list && slot->is_removable && may_tell(l, slot, LAUNCH_REMOVABLE, s->time_ns))
        tell(l, i, slot, LAUNCH_REMOVABLE, &st, s, &r);
    judge_slot(l, i, slot, s->time_ns, s, (struct reading){0});
}

/* ------------------------------------------------------------------- flows */

static bool is_multicast_or_local(const struct ip *ip)
{
    if (!ip_is_v4(ip))
        return ip->bytes[0] == 0xff || ip->bytes[0] == 0xfe;
    const uint8_t *v4 = ip->bytes + 12;
    return v4[0] >= 224 || v4[0] == 127 || (v4[0] == 169 && v4[1] == 254);
}

static bool goes_outwards(const struct sight *s)
{
    if (s->destination.is_known && !s->destination.is_inside)
        return s->source.is_inside && !is_multicast_or_local(&s->destination.ip);
    return (s->kinds & SIGHT_WEB) != 0 && s->domain.n != 0;
}

static bool made_by(const struct slot *slot, const struct sight *s, struct str path)
{
    if (s->program.n == 0)
        return s->process_id > 0 && s->process_id == slot->process_id &&
               s->time_ns - slot->launched_ns < HOUR_NS;
    bool has_folder = str_find_char(path, '\\', 0) != STR_NOT_FOUND;
    return has_folder ? slot->path_hash == str_hash(path) : slot->name_hash == str_hash(path);
}

/* The process of an inbound flow waits for others; it made nothing. */
static bool is_of_sender(const struct sight *s)
{
    if (s->host_name.n && str_eq_nocase(s->destination.name, s->host_name))
        return false;
    return s->host_ip.n == 0 || !str_eq(s->host_ip, s->destination.text);
}

static void see_flow_with(struct launch *l, struct instrument *i, const struct sight *s, struct slot *slot,
                          struct str path)
{
    int64_t within_ns = (int64_t)(l->p->communication_minutes * 60) * NS_PER_SECOND;
    int64_t after_ns = s->time_ns - slot->launched_ns;
    bool names_process = s->program.n || (s->process_id > 0 && slot->process_id > 0);
    bool is_maker = names_process && is_of_sender(s) && made_by(slot, s, path);
    if (slot->launched_ns == 0 || slot->is_blocked || after_ns < 0)
        return;
    if (goes_outwards(s) && slot->communicated_ns == 0 &&
        (is_maker || (!names_process && after_ns <= within_ns))) {
        slot->communicated_ns = s->time_ns;
        judge_slot(l, i, slot, s->time_ns, s, (struct reading){.peer = s->destination.text});
    }
    if (!is_maker)
        return;
    struct standing st = stand(l, slot, s->time_ns);
    if ((slot->is_off_list || (st.score >= l->p->threshold && s->time_ns >= slot->due_ns)) &&
        may_tell(l, slot, LAUNCH_MADE_FLOW, s->time_ns))
        tell(l, i, slot, LAUNCH_MADE_FLOW, &st, s, &(struct reading){.peer = s->destination.text});
}

static bool has_slot(const struct recent *recent, struct str path)
{
    for (int n = 0; recent != NULL && n < SLOTS; n++)
        if (recent->slots[n].launched_ns && recent->slots[n].path_hash == str_hash(path))
            return true;
    return false;
}

static void see_flow_of(struct launch *l, struct instrument *i, const struct sight *s)
{
    char text[PROGRAM_TEXT_MAX];
    uint32_t host = find_host(l, s);
    struct str path = program_path(s->program, text);
    bool has_folder = str_find_char(path, '\\', 0) != STR_NOT_FOUND;
    if (s->destination.is_known && is_multicast_or_local(&s->destination.ip))
        return;
    if (has_folder && is_of_sender(s) && !has_slot(host ? keyed_find(l->recent, BYTES(host)) : NULL, path)) {
        host = host ? host : number_host(l, s);
        see_program(l, i, s, host);
    }
    struct recent *recent = host ? keyed_find(l->recent, BYTES(host)) : NULL;
    for (int n = 0; recent != NULL && n < SLOTS; n++)
        see_flow_with(l, i, s, &recent->slots[n], path);
}

static void see_launch(void *state, struct instrument *i, const struct sight *s)
{
    struct launch *l = state;
    if (s->key.n == 0)
        return;
    if (s->kinds & SIGHT_PROCESS)
        see_program(l, i, s, number_host(l, s));
    if (s->kinds & (SIGHT_FLOW | SIGHT_WEB))
        see_flow_of(l, i, s);
}

/* ------------------------------------------------------------------- time */

/* Signed programs whose time to spread is over. */
static void judge_due(struct launch *l, struct instrument *i, int64_t watermark_ns)
{
    const void *at = NULL;
    struct keyed_entry entry;
    l->next_due_ns = INT64_MAX;
    while (keyed_next(l->recent, &at, &entry)) {
        struct recent *recent = entry.record;
        for (int n = 0; n < SLOTS; n++) {
            struct slot *slot = &recent->slots[n];
            if (slot->due_ns > watermark_ns && slot->due_ns < l->next_due_ns)
                l->next_due_ns = slot->due_ns;
            if (slot->due_ns == 0 || slot->due_ns > watermark_ns)
                continue;
            struct reading r = {.time_ns = slot->due_ns,
                                .host_name = str_n(slot->host, slot->host_length),
                                .host_ip = str_n(slot->ip, slot->ip_length)};
            slot->due_ns = 0;
            judge_slot(l, i, slot, r.time_ns, NULL, r);
        }
    }
}

static void reach_launch(void *state, struct instrument *i, int64_t watermark_ns)
{
    struct launch *l = state;
    int64_t horizon_ns = watermark_ns - (int64_t)l->p->memory_days * DAY_NS;
    if (watermark_ns >= l->next_due_ns)
        judge_due(l, i, watermark_ns);
    prevalence_drop_before(l->prevalence, horizon_ns);
    keyed_drop_before(l->hosts, horizon_ns);
    keyed_drop_before(l->aliases, horizon_ns);
    keyed_drop_before(l->recent, watermark_ns - DAY_NS - (int64_t)(l->p->repeat_hours * HOUR_NS));
}

/* ----------------------------------------------------------------- keeping */

static void save_launch(const void *state, struct buf *out)
{
    const struct launch *l = state;
    buf_bytes(out, &l->next_host, sizeof l->next_host);
    buf_bytes(out, &l->next_due_ns, sizeof l->next_due_ns);
    prevalence_save(l->prevalence, out);
    keyed_save(l->hosts, out);
    keyed_save(l->aliases, out);
    keyed_save(l->recent, out);
}

static bool load_launch(void *state, struct cursor *in)
{
    struct launch *l = state;
    cursor_bytes(in, &l->next_host, sizeof l->next_host);
    cursor_bytes(in, &l->next_due_ns, sizeof l->next_due_ns);
    return prevalence_load(l->prevalence, in) && keyed_load(l->hosts, in) && keyed_load(l->aliases, in) &&
           keyed_load(l->recent, in);
}

static void measure_launch(const void *state, struct instrument_info *out)
{
    const struct launch *l = state;
    const struct keyed *tables[] = {l->hosts, l->aliases, l->recent};
    prevalence_measure(l->prevalence, out);
    for (size_t n = 0; n < COUNT_OF(tables); n++) {
        out->entries += keyed_count(tables[n]);
        out->dropped += keyed_dropped(tables[n]);
        out->bytes += keyed_bytes(tables[n]);
    }
}

const struct instrument_kind launch_kind = {
    .name = "launch",
    .version = 1,
    .wants = SIGHT_PROCESS | SIGHT_FLOW | SIGHT_WEB,
    .parameter_bytes = sizeof(struct launch_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_launch,
    .close = close_launch,
    .see = see_launch,
    .reach = reach_launch,
    .save = save_launch,
    .load = load_launch,
    .measure = measure_launch,
};

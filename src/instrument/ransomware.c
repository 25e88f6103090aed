/* Instrument: signs of ransomware (spec 2.10, scenario 5.5). Reads file audits, installed services, SMB
 * flows, states of controls and command lines; tells bursts of files that change to a new extension, writes
 * to many file servers, one service installed on many hosts, and touched canary files.
 *
 * - Burst: files a minute by one actor on one server, only those that are changed, made or renamed to an
 *   extension that is neither ordinary (list) nor known on that server for a day. Single events and summaries
 *   ("1840 in 60s") add up.
 * - What a burst follows within a day on the same host is told with it: protection switched off, means of
 *   recovery deleted (the rule recovery_destroyed judges that one by itself).
 * - Backups read; what writes for them, and changes in their approved window, are registered exceptions
 *   (exceptions.csv, kinds backup and change). Services that a host under an approved change installs from
 *   afar are covered through its connection to port 445. */
#include "instrument/kinds.h"

#include <stdio.h>

#include "base/memory.h"
#include "instrument/flat_key.h"
#include "instrument/program.h"

#define RING      128
#define SERVERS   32
#define MINUTE_NS (60 * NS_PER_SECOND)
#define HOUR_NS   (3600 * NS_PER_SECOND)
#define SMB       445

enum { RANSOM_BURST, RANSOM_WRITES, RANSOM_SERVICES, RANSOM_CANARY };
static const char *const findings[] = {"mass_rename", "mass_smb_writes", "service_fan_out",
                                       "canary_file_touched"};

struct ransomware_parameters {
    double burst_files, burst_seconds, known_hours, smb_servers, smb_writes, smb_bytes, smb_minutes,
        service_hosts, service_minutes, covered_minutes, before_hours, repeat_minutes, max_entries;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct ransomware_parameters, field), low, high                                     \
    }
static const struct parameter parameters[] = {
    P(burst_files, 2, 1e6),      P(burst_seconds, 1, 3600),    P(known_hours, 1, 2160),
    P(smb_servers, 2, SERVERS),  P(smb_writes, 1, 1e6),        P(smb_bytes, 1, 1e12),
    P(smb_minutes, 1, 1440),     P(service_hosts, 2, SERVERS), P(service_minutes, 1, 1440),
    P(covered_minutes, 1, 1440), P(before_hours, 1, 720),      P(repeat_minutes, 1, 10080),
    P(max_entries, 100, 1e7),
};
#undef P

/* Files that one actor gave new extensions: so many at a time. */
struct burst {
    int64_t told_ns;
    uint32_t at, count;
    struct {
        int64_t time_ns;
        uint64_t file;
        double files;
    } ring[RING];
};

/* Distinct servers or hosts with their latest time. */
struct fan {
    int64_t told_ns;
    uint32_t events; /* since started_ns */
    int64_t started_ns;
    struct {
        int64_t time_ns;
        uint64_t what;
    } ring[SERVERS];
};

struct extension {
    int64_t first_ns;
};

struct marks {
    int64_t protection_off_ns, recovery_deleted_ns;
};

struct ransomware {
    const struct ransomware_parameters *p;
    struct keyed *bursts, *extensions, *writers, *services, *marks, *covered;
};

static struct keyed *table(size_t record_bytes, double most)
{
    return keyed_new(&(struct keyed_options){(uint32_t)record_bytes, (uint32_t)most, NULL, NULL});
}

static void *open_ransomware(struct instrument *i)
{
    struct ransomware *r = NEW(struct ransomware);
    r->p = instrument_parameters(i);
    r->bursts = table(sizeof(struct burst), r->p->max_entries / 10);
    r->extensions = table(sizeof(struct extension), r->p->max_entries);
    r->writers = table(sizeof(struct fan), r->p->max_entries);
    r->services = table(sizeof(struct fan), r->p->max_entries);
    r->marks = table(sizeof(struct marks), r->p->max_entries);
    r->covered = table(sizeof(int64_t), r->p->max_entries);
    return r;
}

static void close_ransomware(void *state)
{
    struct ransomware *r = state;
    keyed_free(r->bursts);
    keyed_free(r->extensions);
    keyed_free(r->writers);
    keyed_free(r->services);
    keyed_free(r->marks);
    keyed_free(r->covered);
    memory_free(r);
}

/* ---------------------------------------------------------------------- keys */

/* The server that speaks of its files. */
static struct str server_of(const struct sight *s)
{
    return s->host_name.n ? s->host_name : s->host_ip.n ? s->host_ip : s->destination.text;
}

/* Who acted on the files: the address tells best, else the account; else the server itself. */
static struct str actor_of(const struct sight *s)
{
    return s->source.is_known ? s->source.text : s->user.n ? s->user : server_of(s);
}

/* "60s", "5m", "1h", "60"; a minute when it is not told. */
static double window_seconds(struct str text)
{
    double unit = 1, seconds;
    text = str_trim(text);
    if (text.n && !ascii_is_digit(text.p[text.n - 1])) {
        char c = ascii_lower(text.p[text.n - 1]);
        unit = c == 'm' ? 60 : c == 'h' ? 3600 : 1;
        text = str_slice(text, 0, text.n - 1);
    }
    return str_to_double(text, &seconds) && seconds > 0 ? seconds * unit : 60;
}

/* ------------------------------------------------------------------- telling */

static bool may_tell(const struct ransomware *r, int64_t *told_ns, int64_t now_ns)
{
    if (*told_ns != 0 && now_ns - *told_ns < (int64_t)(r->p->repeat_minutes * (double)MINUTE_NS))
        return false;
    *told_ns = now_ns;
    return true;
}

#define FACTS 6
struct facts {
    struct matched_value items[FACTS];
    size_t count;
    char texts[2][TIME_TEXT_MAX];
};

static void add_fact(struct facts *f, struct str name, struct str text)
{
    if (text.n && f->count < FACTS)
        f->items[f->count++] = (struct matched_value){name, text};
}

static void add_before(const struct ransomware *r, struct facts *f, const struct sight *s)
{
    struct flat_key key = {.n = 0};
    flat_key_add(&key, server_of(s));
    const struct marks *m = keyed_find(r->marks, flat_key_text(&key));
    int64_t from_ns = s->time_ns - (int64_t)(r->p->before_hours * (double)HOUR_NS);
    if (m != NULL && m->protection_off_ns > from_ns)
        add_fact(f, STR("protection_off_since"),
                 str_n(f->texts[0], time_format_iso(m->protection_off_ns, f->texts[0])));
    if (m != NULL && m->recovery_deleted_ns > from_ns)
        add_fact(f, STR("recovery_deleted_at"),
                 str_n(f->texts[1], time_format_iso(m->recovery_deleted_ns, f->texts[1])));
}

static void tell(struct instrument *i, const struct sight *s, struct reading reading, const struct facts *f)
{
    reading_about(&reading, s);
    reading.facts = f->items;
    reading.fact_count = f->count;
    instrument_tell(i, &reading);
}

/* --------------------------------------------------------------------- files */

static struct str extension_of(const struct sight *s)
{
    struct str path = s->file_target.n ? s->file_target : s->file_path;
    struct str name = program_name(path);
    size_t dot = str_find_last_char(name, '.');
    if (s->file_target.n == 0 && s->file_extension.n)
        return s->file_extension;
    return dot == STR_NOT_FOUND || dot + 1 == name.n ? STR_EMPTY : str_skip(name, dot + 1);
}

static bool is_ordinary(const struct instrument *i, struct str extension)
{
    size_t count;
    const struct str *items = instrument_list(i, "ordinary_extensions", &count);
    for (size_t n = 0; n < count; n++)
        if (str_eq_nocase(items[n], extension))
            return true;
    return false;
}

/* Neither ordinary nor in use on that server for long. A burst does not make its own extension known. */
static bool is_new_extension(struct ransomware *r, const struct instrument *i, const struct sight *s,
                             struct str extension)
{
    struct flat_key key = {.n = 0};
    if (extension.n == 0 || is_ordinary(i, extension))
        return false;
    flat_key_add(&key, server_of(s));
    flat_key_add(&key, extension);
    struct extension *e = keyed_put(r->extensions, flat_key_text(&key), s->time_ns, NULL);
    if (e->first_ns == 0)
        e->first_ns = s->time_ns;
    return s->time_ns - e->first_ns < (int64_t)(r->p->known_hours * (double)HOUR_NS);
}

static double add_to_burst(const struct ransomware *r, struct burst *b, const struct sight *s, double files)
{
    int64_t window_ns = (int64_t)(r->p->burst_seconds * (double)NS_PER_SECOND);
    uint64_t file = str_hash(s->file_target.n ? s->file_target : s->file_path);
    double within = 0;
    bool is_known = false;
    for (uint32_t n = 0; n < b->count; n++) {
        bool is_recent = b->ring[n].time_ns > s->time_ns - window_ns;
        within += is_recent ? b->ring[n].files : 0;
        is_known |= is_recent && s->file_count < 0 && b->ring[n].file == file;
    }
    if (is_known)
        return within;
    uint32_t at = b->at % RING;
    if (b->count == RING &&
        b->ring[at].time_ns > s->time_ns - window_ns) { /* more than the ring tells apart */
        b->ring[(b->at + RING - 1) % RING].files += files;
        return within + files;
    }
    b->ring[at].time_ns = s->time_ns;
    b->ring[at].file = file;
    b->ring[at].files = files;
    b->count += b->count < RING;
    b->at = (b->at + 1) % RING;
    return within + files;
}

static bool gives_new_contents(const struct instrument *i, const struct sight *s)
{
    char action[64];
    size_t n = s->action.n < sizeof action ? s->action.n : sizeof action;
    for (size_t k = 0; k < n; k++)
        action[k] = ascii_lower(s->action.p[k]);
    return s->is_change || s->is_creation || listed_within(i, "write_actions", str_n(action, n));
}

static void see_burst(struct ransomware *r, struct instrument *i, const struct sight *s)
{
    struct str extension = extension_of(s);
    struct flat_key key = {.n = 0};
    if (!is_new_extension(r, i, s, extension))
        return;
    flat_key_add(&key, server_of(s));
    flat_key_add(&key, actor_of(s));
    double files = 1;
    if (s->file_count >= 0) { /* as many as fall into our window */
        double seconds = window_seconds(s->file_window);
        files = (double)s->file_count * (seconds > r->p->burst_seconds ? r->p->burst_seconds / seconds : 1);
    }
    struct burst *b = keyed_put(r->bursts, flat_key_text(&key), s->time_ns, NULL);
    double within = add_to_burst(r, b, s, files);
    if (within < r->p->burst_files || !may_tell(r, &b->told_ns, s->time_ns))
        return;
    struct facts f = {.count = 0};
    add_fact(&f, STR("file.extension"), extension);
    add_fact(&f, STR("share"), s->file_share.n ? s->file_share : s->file_path);
    add_before(r, &f, s);
    tell(i, s,
         (struct reading){.finding = RANSOM_BURST,
                          .statistic_name = "files",
                          .statistic = within,
                          .threshold = r->p->burst_files,
                          .window_ns = (int64_t)(r->p->burst_seconds * (double)NS_PER_SECOND),
                          .peer = s->source.text.n ? s->source.text : s->file_share},
         &f);
}

static void see_canary(struct ransomware *r, struct instrument *i, const struct sight *s)
{
    size_t count;
    const struct str *names = instrument_list(i, "canary_files", &count);
    struct str before = program_name(s->file_path), after = program_name(s->file_target);
    size_t n = 0;
    while (n < count && !str_eq_nocase(names[n], before) && !str_eq_nocase(names[n], after))
        n++;
    if (n == count || !(gives_new_contents(i, s) || s->is_deletion))
        return;
    struct flat_key key = {.n = 0};
    flat_key_add(&key, STR("canary"));
    flat_key_add(&key, server_of(s));
    struct burst *b = keyed_put(r->bursts, flat_key_text(&key), s->time_ns, NULL);
    if (!may_tell(r, &b->told_ns, s->time_ns))
        return;
    struct facts f = {.count = 0};
    add_fact(&f, STR("file.path"), s->file_path);
    add_before(r, &f, s);
    tell(i, s,
         (struct reading){.finding = RANSOM_CANARY,
                          .statistic_name = "touched",
                          .statistic = 1,
                          .threshold = 1,
                          .peer = s->source.text.n ? s->source.text : s->file_path},
         &f);
}

/* --------------------------------------------------------- many of something */

/* Distinct ones within the window that ends now. */
static uint32_t add_to_fan(struct fan *f, struct str what, int64_t now_ns, int64_t window_ns)
{
    uint64_t hash = str_hash_nocase(what);
    uint32_t slot = 0, within = 0;
    for (uint32_t n = 0; n < SERVERS; n++) {
        if (f->ring[n].time_ns != 0 && f->ring[n].what == hash) {
            slot = n;
            break;
        }
        if (f->ring[n].time_ns < f->ring[slot].time_ns)
            slot = n;
    }
    f->ring[slot].what = hash;
    f->ring[slot].time_ns = now_ns;
    for (uint32_t n = 0; n < SERVERS; n++)
        within += f->ring[n].time_ns != 0 && f->ring[n].time_ns > now_ns - window_ns;
    if (f->started_ns == 0 || now_ns - f->started_ns > window_ns) {
        f->started_ns = now_ns;
        f->events = 0;
    }
    f->events++;
    return within;
}

/* A write that a file server tells of, or a flow that carries much to one. */
static void see_write(struct ransomware *r, struct instrument *i, const struct sight *s, struct str server,
                      bool is_flow)
{
    struct flat_key key = {.n = 0};
    int64_t window_ns = (int64_t)(r->p->smb_minutes * (double)MINUTE_NS);
    if (server.n == 0 || actor_of(s).n == 0 || str_eq_nocase(actor_of(s), server))
        return;
    flat_key_add(&key, is_flow ? STR("flow") : STR("file"));
    flat_key_add(&key, actor_of(s));
    struct fan *f = keyed_put(r->writers, flat_key_text(&key), s->time_ns, NULL);
    uint32_t servers = add_to_fan(f, server, s->time_ns, window_ns);
    if (servers < r->p->smb_servers || (!is_flow && f->events < r->p->smb_writes) ||
        !may_tell(r, &f->told_ns, s->time_ns))
        return;
    struct facts facts = {.count = 0};
    add_fact(&facts, STR("actor"), actor_of(s));
    add_fact(&facts, STR("seen_as"), is_flow ? STR("flows") : STR("file audit"));
    tell(i, s,
         (struct reading){.finding = RANSOM_WRITES,
                          .statistic_name = "servers",
                          .statistic = servers,
                          .threshold = r->p->smb_servers,
                          .window_ns = window_ns,
                          .peer = server},
         &facts);
}

static bool is_covered(const struct ransomware *r, const struct sight *s)
{
    int64_t covered_ns = (int64_t)(r->p->covered_minutes * (double)MINUTE_NS);
    struct str names[] = {s->host_name, s->host_ip};
    for (size_t n = 0; n < COUNT_OF(names); n++) {
        struct flat_key key = {.n = 0};
        flat_key_add(&key, names[n]);
        const int64_t *since_ns = names[n].n ? keyed_find(r->covered, flat_key_text(&key)) : NULL;
        if (since_ns != NULL && s->time_ns - *since_ns < covered_ns)
            return true;
    }
    return false;
}

static void see_service(struct ransomware *r, struct instrument *i, const struct sight *s)
{
    char path[PROGRAM_TEXT_MAX];
    struct str image = program_path(s->program, path), server = server_of(s);
    struct str names[] = {s->service, program_name(image)};
    int64_t window_ns = (int64_t)(r->p->service_minutes * (double)MINUTE_NS);
    if ((s->exceptions & EXCEPTED_CHANGE) || listed_within(i, "ordinary_service_paths", image) ||
        is_covered(r, s))
        return;
    for (size_t n = 0; n < COUNT_OF(names); n++) {
        struct flat_key key = {.n = 0};
        if (names[n].n == 0)
            continue;
        flat_key_add(&key, n == 0 ? STR("name") : STR("image"));
        flat_key_add(&key, names[n]);
        struct fan *f = keyed_put(r->services, flat_key_text(&key), s->time_ns, NULL);
        uint32_t hosts = add_to_fan(f, server, s->time_ns, window_ns);
        if (hosts < r->p->service_hosts || !may_tell(r, &f->told_ns, s->time_ns))
            continue;
        struct facts facts = {.count = 0};
        add_fact(&facts, STR("service.name"), s->service);
        add_fact(&facts, STR("process.executable"), s->program);
        add_before(r, &facts, s);
        tell(i, s,
             (struct reading){.finding = RANSOM_SERVICES,
                              .statistic_name = "hosts",
                              .statistic = hosts,
                              .threshold = r->p->service_hosts,
                              .window_ns = window_ns,
                              .peer = s->service},
             &facts);
        return; /* once, by name or image */
    }
}

/* --------------------------------------------------------------------- marks */

static bool is_off(const struct instrument *i, const struct sight *s)
{
    size_t count;
    const struct str *words = instrument_list(i, "off_words", &count);
    for (size_t n = 0; n < count; n++)
        if (str_eq_nocase(words[n], s->control_realtime) || str_eq_nocase(words[n], s->control_state))
            return true;
    return false;
}

/* Each item of the list is words that follow one another in the command line. */
static bool deletes_recovery(const struct instrument *i, struct str command)
{
    char text[1024];
    size_t count, n = command.n < sizeof text ? command.n : sizeof text;
    const struct str *items = instrument_list(i, "recovery_commands", &count);
    for (size_t k = 0; k < n; k++)
        text[k] = ascii_lower(command.p[k]);
    for (size_t k = 0; k < count && n; k++) {
        struct str rest = items[k], word;
        size_t at = 0;
        while (at != STR_NOT_FOUND && str_split(&rest, ' ', &word)) {
            at = str_find(str_n(text, n), word, at);
            at = at == STR_NOT_FOUND ? at : at + word.n;
        }
        if (at != STR_NOT_FOUND)
            return true;
    }
    return false;
}

static void see_marks(struct ransomware *r, const struct instrument *i, const struct sight *s)
{
    bool off = (s->kinds & SIGHT_CONTROL) && is_off(i, s);
    bool deleted = (s->kinds & SIGHT_PROCESS) && deletes_recovery(i, s->command_line);
    struct flat_key key = {.n = 0};
    if ((!off && !deleted) || (s->exceptions & EXCEPTED_CHANGE))
        return;
    flat_key_add(&key, server_of(s));
    struct marks *m = keyed_put(r->marks, flat_key_text(&key), s->time_ns, NULL);
    if (off)
        m->protection_off_ns = s->time_ns;
    if (deleted)
        m->recovery_deleted_ns = s->time_ns;
}

/* A host under an approved change reaches another one's SMB: what it installs there is part of it. */
static void cover(struct ransomware *r, const struct sight *s)
{
    struct str names[] = {s->destination.text, s->destination.name};
    for (size_t n = 0; n < COUNT_OF(names); n++) {
        struct flat_key key = {.n = 0};
        flat_key_add(&key, names[n]);
        if (names[n].n)
            *(int64_t *)keyed_put(r->covered, flat_key_text(&key), s->time_ns, NULL) = s->time_ns;
    }
}

static void see_ransomware(void *state, struct instrument *i, const struct sight *s)
{
    struct ransomware *r = state;
    bool is_excepted = (s->exceptions & (EXCEPTED_CHANGE | EXCEPTED_BACKUP)) != 0;
    if ((s->kinds & SIGHT_FLOW) && s->port == SMB) {
        if (s->exceptions & EXCEPTED_CHANGE)
            cover(r, s);
        else if (!is_excepted && !(s->roles & (ROLE_DISTRIBUTION | ROLE_BACKUP)) &&
                 s->bytes_out >= r->p->smb_bytes && s->destination.is_inside)
            see_write(r, i, s, s->destination.text, true);
    }
    if ((s->kinds & SIGHT_FILE) && !is_excepted && s->passage != PASSAGE_DENIED) {
        see_canary(r, i, s);
        if (gives_new_contents(i, s)) {
            see_burst(r, i, s);
            see_write(r, i, s, server_of(s), false);
        }
    }
    if (s->kinds & SIGHT_SERVICE)
        see_service(r, i, s);
    if (s->kinds & (SIGHT_CONTROL | SIGHT_PROCESS))
        see_marks(r, i, s);
}

static void reach_ransomware(void *state, struct instrument *i, int64_t watermark_ns)
{
    struct ransomware *r = state;
    (void)i;
    int64_t told_ns = watermark_ns - HOUR_NS - (int64_t)(r->p->repeat_minutes * (double)MINUTE_NS);
    keyed_drop_before(r->bursts, told_ns);
    keyed_drop_before(r->writers, told_ns - (int64_t)(r->p->smb_minutes * (double)MINUTE_NS));
    keyed_drop_before(r->services, told_ns - (int64_t)(r->p->service_minutes * (double)MINUTE_NS));
    keyed_drop_before(r->marks, watermark_ns - (int64_t)(r->p->before_hours * (double)HOUR_NS));
    keyed_drop_before(r->covered, watermark_ns - (int64_t)(r->p->covered_minutes * (double)MINUTE_NS));
    keyed_drop_before(r->extensions, watermark_ns - 90 * 24 * HOUR_NS);
}

static void save_ransomware(const void *state, struct buf *out)
{
    const struct ransomware *r = state;
    const struct keyed *tables[] = {r->bursts, r->extensions, r->writers, r->services, r->marks, r->covered};
    for (size_t n = 0; n < COUNT_OF(tables); n++)
        keyed_save(tables[n], out);
}

static bool load_ransomware(void *state, struct cursor *in)
{
    struct ransomware *r = state;
    return keyed_load(r->bursts, in) && keyed_load(r->extensions, in) && keyed_load(r->writers, in) &&
           keyed_load(r->services, in) && keyed_load(r->marks, in) && keyed_load(r->covered, in);
}

static void measure_ransomware(const void *state, struct instrument_info *out)
{
    const struct ransomware *r = state;
    const struct keyed *tables[] = {r->bursts, r->extensions, r->writers, r->services, r->marks, r->covered};
    for (size_t n = 0; n < COUNT_OF(tables); n++) {
        out->entries += keyed_count(tables[n]);
        out->dropped += keyed_dropped(tables[n]);
        out->bytes += keyed_bytes(tables[n]);
    }
}

const struct instrument_kind ransomware_kind = {
    .name = "ransomware",
    .version = 1,
    .wants = SIGHT_FILE | SIGHT_FLOW | SIGHT_SERVICE | SIGHT_CONTROL | SIGHT_PROCESS,
    .parameter_bytes = sizeof(struct ransomware_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_ransomware,
    .close = close_ransomware,
    .see = see_ransomware,
    .reach = reach_ransomware,
    .save = save_ransomware,
    .load = load_ransomware,
    .measure = measure_ransomware,
};

/* Stage instrument: events in the order of the journal → each instrument → findings in the batch. desk.c
 * calls it before correlate/, so that sequences may name what instruments find. */
#include "instrument/instrument.h"

#include "base/log.h"
#include "base/memory.h"
#include "instrument/book.h"
#include "instrument/kinds.h"

#define SAVED_MAGIC "hyinstr1"
#define AHEAD       8 /* events */

struct instrument {
    const struct instrument_kind *kind;
    struct book book;
    struct instruments *all;
    void *state;
    uint64_t told, seen;
};

struct instruments {
    struct instrument *items;
    size_t count;
    const struct zone *zone;
    struct calendar *calendar;
    int64_t watermark_ns; /* INT64_MIN before the first event */
    uint64_t through;     /* the last event taken */
    struct arena scratch; /* of the sights */
    struct sight sights[AHEAD];
    bool has_sight[AHEAD];
    /* while a batch is being taken */
    struct batch *batch;
    const struct event *event;
    uint32_t record_number;
    struct finding **insert_at, **of_event; /* of_event: the first finding about the event at hand */
};

struct instruments *instruments_new(const char *folder, const char *calendar, const struct zone *zone,
                                    struct error *err)
{
    struct instruments *all = NEW(struct instruments);
    all->items = NEW_ARRAY(struct instrument, instrument_kind_count);
    all->zone = zone;
    all->watermark_ns = INT64_MIN;
    arena_init(&all->scratch, 16 << 10);
    all->calendar = calendar_load(calendar, err);
    if (all->calendar == NULL) {
        instruments_free(all);
        return NULL;
    }
    for (; all->count < instrument_kind_count; all->count++) {
        struct instrument *i = &all->items[all->count];
        i->kind = instrument_kinds[all->count];
        i->all = all;
        if (!book_read(&i->book, i->kind, folder, err)) {
            book_free(&i->book);
            instruments_free(all);
            return NULL;
        }
        i->state = i->kind->open(i);
    }
    return all;
}

void instruments_free(struct instruments *all)
{
    if (all == NULL)
        return;
    for (size_t n = 0; n < all->count; n++) {
        all->items[n].kind->close(all->items[n].state);
        book_free(&all->items[n].book);
    }
    calendar_free(all->calendar);
    arena_free(&all->scratch);
    memory_free(all->items);
    memory_free(all);
}

const void *instrument_parameters(const struct instrument *i)
{
    return i->book.parameters;
}

struct str const *instrument_list(const struct instrument *i, const char *name, size_t *count)
{
    *count = 0;
    for (size_t n = 0; n < i->book.list_count; n++)
        if (str_eq(i->book.lists[n].name, str_c(name))) {
            *count = i->book.lists[n].count;
            return i->book.lists[n].items;
        }
    return NULL;
}

const void *instrument_own(const struct instrument *i)
{
    return i->book.own;
}

bool instruments_replace(const struct instruments *all, struct str rule_id)
{
    for (size_t n = 0; n < all->count; n++)
        for (size_t k = 0; k < all->items[n].book.replaces.count; k++)
            if (str_eq(all->items[n].book.replaces.items[k], rule_id))
                return true;
    return false;
}

const struct zone *instrument_zone(const struct instrument *i)
{
    return i->all->zone;
}

const struct calendar *instrument_calendar(const struct instrument *i)
{
    return i->all->calendar;
}

static void *const *state_of(const struct instruments *all, const char *name)
{
    for (size_t n = 0; n < instrument_kind_count; n++)
        if (str_eq(str_c(instrument_kinds[n]->name), str_c(name)))
            return &all->items[n].state;
    return NULL;
}

void *const *instrument_neighbour(const struct instrument *i, const char *name)
{
    return state_of(i->all, name);
}

void *instruments_state(const struct instruments *all, const char *name)
{
    void *const *state = state_of(all, name);
    return state ? *state : NULL;
}

/* ------------------------------------------------------------------- telling */

void reading_about(struct reading *r, const struct sight *s)
{
    r->time_ns = s->time_ns;
    r->host_ip = s->ip;
    r->host_name = s->name;
    r->user = s->user;
    r->department = s->department;
    r->passage = s->passage;
    r->product = event_text(s->event, FIELD_OBSERVER_PRODUCT);
}

static void add_fact(struct finding *f, struct str name, struct str text)
{
    f->matched[f->matched_count++] = (struct matched_value){name, text};
}

static void add_facts(struct finding *f, const struct reading *r, struct arena *a)
{
    f->matched = ARENA_ARRAY(a, struct matched_value, r->fact_count + 4);
    add_fact(f, str_c(r->statistic_name), arena_printf(a, "%.6g", r->statistic));
    add_fact(f, STR("threshold"), arena_printf(a, "%.6g", r->threshold));
    if (r->window_ns)
        add_fact(f, STR("window"), arena_printf(a, "%llds", (long long)(r->window_ns / NS_PER_SECOND)));
    if (r->p > 0)
        add_fact(f, STR("p"), arena_printf(a, "%.3g", r->p));
    for (size_t i = 0; i < r->fact_count; i++)
        add_fact(f, arena_str(a, r->facts[i].name), arena_str(a, r->facts[i].text));
}

void instrument_tell(struct instrument *i, const struct reading *r)
{
    struct instruments *all = i->all;
    struct arena *a = &all->batch->arena;
    const struct rule_info *info = &i->book.findings[r->finding];
    BUG_IF(r->finding >= i->kind->finding_count);
    struct finding *f = batch_insert_finding(all->batch, all->insert_at);
    all->insert_at = &f->next;
    i->told++;
    /* parameters may be read anew before the batch is gone: nothing of the book is borrowed */
    f->instrument = arena_str(a, str_c(i->kind->name));
    f->rule_id = arena_str(a, info->id);
    f->title_en = arena_str(a, info->title_en);
    f->title_ja = arena_str(a, info->title_ja);
    f->evidence_group = arena_str(a, info->evidence_group);
    f->stage = arena_str(a, info->stage);
    f->level = info->level;
    f->likelihood_ratio = r->likelihood_ratio > 0 ? r->likelihood_ratio : info->likelihood_ratio;
    f->time_ns = r->time_ns;
    f->sequence = all->event->sequence;
    f->source = all->event->source;
    f->record_number = all->record_number;
    f->is_correlated = true;
    f->passage = r->passage;
    f->host_name = arena_str(a, r->host_name);
    f->host_ip = arena_str(a, r->host_ip);
    f->user = arena_str(a, r->user);
    f->department = arena_str(a, r->department);
    f->peer = arena_str(a, r->peer);
    f->product = arena_str(a, r->product.n ? r->product : f->instrument);
    f->techniques = ARENA_ARRAY(a, struct str, info->technique_count + 1);
    for (uint32_t n = 0; n < info->technique_count; n++)
        f->techniques[f->technique_count++] = arena_str(a, info->techniques[n]);
    add_facts(f, r, a);
}

/* ------------------------------------------------------------------- reading */

static void begin(struct instruments *all, struct batch *batch)
{
    all->batch = batch;
    all->insert_at = &batch->findings;
}

/* Findings of earlier events stay before those of this one. */
static void turn_to(struct instruments *all, uint32_t index)
{
    all->event = &all->batch->events[index];
    all->record_number = index + 1;
    while (*all->insert_at != NULL && (*all->insert_at)->sequence < all->event->sequence)
        all->insert_at = &(*all->insert_at)->next;
    all->of_event = all->insert_at;
    while (*all->insert_at != NULL && (*all->insert_at)->sequence == all->event->sequence)
        all->insert_at = &(*all->insert_at)->next;
}

static void end(struct instruments *all)
{
    while (*all->insert_at != NULL)
        all->insert_at = &(*all->insert_at)->next;
    all->batch->findings_end = all->insert_at;
    all->batch = NULL;
    all->event = NULL;
}

static void reach(struct instruments *all, int64_t time_ns)
{
    if (time_ns <= all->watermark_ns)
        return;
    all->watermark_ns = time_ns;
    for (size_t n = 0; n < all->count; n++)
        if (all->items[n].kind->reach != NULL)
            all->items[n].kind->reach(all->items[n].state, &all->items[n], time_ns);
}

/* Those that are told meanwhile come last, and are told on as well. */
static void pass_on_findings(struct instruments *all)
{
    for (const struct finding *f = *all->of_event; f != NULL && f->sequence == all->event->sequence;
         f = f->next)
        for (size_t n = 0; n < all->count; n++) {
            struct instrument *i = &all->items[n];
            if (i->kind->found != NULL && !str_eq(f->instrument, str_c(i->kind->name)))
                i->kind->found(i->state, i, f);
        }
}

static void await(struct instruments *all, const struct sight *s, enum keyed_fetch what)
{
    for (size_t n = 0; n < all->count; n++) {
        const struct instrument *i = &all->items[n];
        if (i->kind->await != NULL && (i->kind->wants & s->kinds))
            i->kind->await(i->state, s, what);
    }
}

/* The tables do not fit the cache of the processor: what the next events need is fetched while others are
 * looked at. */
static void look_ahead(struct instruments *all, const struct batch *batch, uint32_t from)
{
    arena_reset(&all->scratch);
    for (uint32_t n = 0; n < AHEAD && from + n < batch->count; n++) {
        all->has_sight[n] = sight_fill(&all->sights[n], &batch->events[from + n], &all->scratch);
        if (all->has_sight[n])
            await(all, &all->sights[n], FETCH_SLOT);
    }
    for (uint32_t n = 0; n < AHEAD && from + n < batch->count; n++) {
        if (all->has_sight[n])
            await(all, &all->sights[n], FETCH_RECORD);
        if (from + AHEAD + n < batch->count)
            __builtin_prefetch(batch->events[from + AHEAD + n].values);
    }
}

static void take_event(struct instruments *all, const struct event *e, const struct sight *s)
{
    for (size_t n = 0; s != NULL && n < all->count; n++) {
        struct instrument *i = &all->items[n];
        if ((i->kind->wants & s->kinds) == 0)
            continue;
        i->seen++;
        i->kind->see(i->state, i, s);
    }
    pass_on_findings(all);
    if (!(e->flags & (EVENT_CANARY | EVENT_EXERCISE)))
        reach(all, e->time_ns < e->received_ns ? e->time_ns : e->received_ns);
}

void instruments_take(struct instruments *all, struct batch *batch)
{
    begin(all, batch);
    for (uint32_t n = 0; n < batch->count; n++) {
        uint32_t place = n % AHEAD;
        if (place == 0)
            look_ahead(all, batch, n);
        if (batch->events[n].sequence <= all->through)
            continue;
        turn_to(all, n);
        take_event(all, all->event, all->has_sight[place] ? &all->sights[place] : NULL);
        all->through = all->event->sequence;
    }
    end(all);
}

uint64_t instruments_through(const struct instruments *all)
{
    return all->through;
}

void instruments_note_recovered(struct instruments *all, uint64_t last)
{
    if (all->through > last)
        all->through = last;
}

void instruments_advance(struct instruments *all, struct batch *batch, int64_t watermark_ns)
{
    BUG_IF(batch->count == 0);
    begin(all, batch);
    turn_to(all, batch->count - 1);
    reach(all, watermark_ns);
    end(all);
}

/* -------------------------------------------------------------------- saving */

/* magic, watermark, last event, then for each: name, version, its own bytes; at the end the hash of all */
void instruments_save(const struct instruments *all, struct buf *out)
{
    size_t start = out->n;
    struct buf state = {0};
    buf_c(out, SAVED_MAGIC);
    buf_bytes(out, &all->watermark_ns, sizeof all->watermark_ns);
    buf_bytes(out, &all->through, sizeof all->through);
    for (size_t n = 0; n < all->count; n++) {
        const struct instrument *i = &all->items[n];
        put_text(out, str_c(i->kind->name));
        buf_bytes(out, &i->kind->version, sizeof i->kind->version);
        buf_clear(&state);
        i->kind->save(i->state, &state);
        put_text(out, buf_str(&state));
    }
    uint64_t sum = str_hash(str_skip(buf_str(out), start));
    buf_bytes(out, &sum, sizeof sum);
    buf_free(&state);
}

static struct instrument *find_instrument(struct instruments *all, struct str name)
{
    for (size_t n = 0; n < all->count; n++)
        if (str_eq(str_c(all->items[n].kind->name), name))
            return &all->items[n];
    return NULL;
}

static void empty(struct instrument *i)
{
    i->kind->close(i->state);
    i->state = i->kind->open(i);
}

static void load_one(struct instruments *all, struct str name, uint32_t version, struct str saved)
{
    struct instrument *i = find_instrument(all, name);
    struct cursor in = {.rest = saved};
    if (i == NULL)
        return;
    if (version == i->kind->version && i->kind->load(i->state, &in) && in.rest.n == 0)
        return;
    log_warning(tr("instrument '%.*s' begins anew: what an earlier version had gathered does not fit",
                   "計器「%.*s」は以前の版の蓄積を読めないため、初めから学習します"),
                STR_ARGS(name));
    empty(i);
}

bool instruments_load(struct instruments *all, struct str saved, struct error *err)
{
    uint64_t sum;
    char magic[sizeof SAVED_MAGIC - 1];
    struct cursor in = {.rest = saved};
    bool is_whole = saved.n > sizeof magic + sizeof sum;
    if (is_whole) {
        in.rest.n -= sizeof sum;
        memcpy(&sum, in.rest.p + in.rest.n, sizeof sum);
        is_whole = sum == str_hash(in.rest);
    }
    cursor_bytes(&in, magic, sizeof magic);
    if (!is_whole || memcmp(magic, SAVED_MAGIC, sizeof magic) != 0)
        return error_set(err, "%s",
                         tr("what the instruments had gathered is damaged; they begin anew",
                            "計器の蓄積が壊れているため、初めから学習します"));
    cursor_bytes(&in, &all->watermark_ns, sizeof all->watermark_ns);
    cursor_bytes(&in, &all->through, sizeof all->through);
    while (in.rest.n && !in.is_bad) {
        uint32_t version;
        struct str name = cursor_text(&in);
        cursor_bytes(&in, &version, sizeof version);
        struct str state = cursor_text(&in);
        if (!in.is_bad)
            load_one(all, name, version, state);
    }
    return true;
}

/* ---------------------------------------------------------------- for people */

size_t instruments_count(const struct instruments *all)
{
    return all->count;
}

const struct rule_info *instruments_finding(const struct instruments *all, struct str finding_id)
{
    for (size_t n = 0; n < all->count; n++)
        for (size_t k = 0; k < all->items[n].kind->finding_count; k++)
            if (str_eq(all->items[n].book.findings[k].id, finding_id))
                return &all->items[n].book.findings[k];
    return NULL;
}

bool instruments_list(const struct instruments *all, struct str name, struct buf *out)
{
    struct json_writer rows = {.out = out};
    for (size_t n = 0; n < all->count; n++) {
        const struct instrument *i = &all->items[n];
        if (!str_eq(str_c(i->kind->name), name) || i->kind->list == NULL)
            continue;
        json_begin_array(&rows);
        i->kind->list(i->state, i, &rows);
        json_end_array(&rows);
        return true;
    }
    return false;
}

void instruments_info(const struct instruments *all, size_t index, struct instrument_info *out)
{
    const struct instrument *i = &all->items[index];
    *out = (struct instrument_info){.name = str_c(i->kind->name),
                                    .title_en = i->book.title_en,
                                    .title_ja = i->book.title_ja,
                                    .description_en = i->book.description_en,
                                    .description_ja = i->book.description_ja,
                                    .parameters = i->book.parameter_infos,
                                    .parameter_count = i->kind->parameter_count,
                                    .findings = i->book.findings,
                                    .finding_count = i->kind->finding_count,
                                    .told = i->told,
                                    .seen = i->seen,
                                    .has_list = i->kind->list != NULL};
    if (i->kind->measure != NULL)
        i->kind->measure(i->state, out);
}

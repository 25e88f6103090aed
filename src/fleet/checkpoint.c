/* The fleet's state as bytes (stage fleet): head, names, hosts with their controls, products with versions
 * and adoptions, gateways, hashes, lists, and a checksum. Structs are written as they lie; their sizes stand
 * in the head, so that another build's state is refused instead of misread. */
#include "base/log.h"
#include "base/memory.h"
#include "fleet/state.h"

#define MAGIC "FLEET01"

struct head {
    char magic[8];
    uint32_t sizes[8];
    uint32_t names, hosts, products, gateways, sightings[2], lates, scans, catches, reasons, words;
    uint64_t lates_ever, scans_ever, dropped_hashes, through;
    int64_t watermark_ns, due_ns;
    struct fleet_counters counters;
};

static void fill_sizes(struct head *h)
{
    const uint32_t sizes[] = {sizeof(struct host),    sizeof(struct control),  sizeof(struct product),
                              sizeof(struct release), sizeof(struct adoption), sizeof(struct sighting),
                              sizeof(struct late),    sizeof(struct scan)};
    memcpy(h->magic, MAGIC, sizeof h->magic);
    memcpy(h->sizes, sizes, sizeof sizes);
}

/* ------------------------------------------------------------------- names */

typedef void name_visitor(void *context, name_id *id);

static void visit_host(struct host *h, name_visitor *visit, void *context)
{
    name_id *const own[] = {&h->name, &h->shown, &h->department, &h->site, &h->type, &h->refusal_reason};
    for (size_t i = 0; i < COUNT_OF(own); i++)
        visit(context, own[i]);
    for (uint32_t i = 0; i < h->patch_count; i++)
        visit(context, &h->patches[i].id);
    for (unsigned n = 0; n < FUNCTION_COUNT; n++) {
        struct control *c = h->controls[n];
        if (c == NULL)
            continue;
        visit(context, &c->policy);
        visit(context, &c->assigned_policy);
        for (unsigned v = 0; v < COMPONENT_COUNT; v++)
            visit(context, &c->held[v].name);
    }
}

static void visit_product(struct product *p, name_visitor *visit, void *context)
{
    visit(context, &p->name);
    visit(context, &p->vendor);
    for (unsigned c = 0; c < COMPONENT_COUNT; c++)
        for (uint32_t i = 0; i < p->versions[c].count; i++) {
            struct release *r = &p->versions[c].items[i];
            visit(context, &r->name);
            for (uint32_t a = 0; a < r->adoption_count; a++) {
                visit(context, &r->adoptions[a].department);
                visit(context, &r->adoptions[a].site);
            }
        }
}

static void visit_sightings(struct sightings *s, name_visitor *visit, void *context)
{
    for (unsigned half = 0; half < 2; half++)
        for (uint32_t i = 0; s->halves[half] != NULL && i < s->capacity * 2; i++)
            for (uint32_t h = 0; h < SIGHTING_HOSTS; h++)
                visit(context, &s->halves[half][i].hosts[h]);
}

static void visit_names(struct fleet *f, name_visitor *visit, void *context)
{
    for (uint32_t i = 0; i < f->host_count; i++)
        visit_host(f->hosts[i], visit, context);
    for (uint32_t i = 1; i <= f->product_count; i++)
        visit_product(&f->products[i], visit, context);
    visit_sightings(&f->sightings, visit, context);
    for (uint32_t i = 0; i < f->late_count; i++) {
        struct late *l = &f->lates[i];
        name_id *const own[] = {&l->host, &l->department, &l->malware, &l->path, &l->hash_text};
        for (size_t n = 0; n < COUNT_OF(own); n++)
            visit(context, own[n]);
    }
    for (uint32_t i = 0; i < f->scan_count; i++) {
        visit(context, &f->scans[i].host);
        visit(context, &f->scans[i].department);
    }
    for (uint32_t i = 0; i < f->gateway_count; i++) {
        visit(context, &f->gateways[i].name);
        for (unsigned v = 0; v < COMPONENT_COUNT; v++)
            visit(context, &f->gateways[i].held[v].name);
    }
    for (uint32_t i = 0; i < f->reason_count; i++)
        visit(context, &f->reasons[i].name);
    for (uint32_t i = 0; i < f->word_count; i++)
        visit(context, &f->words[i].name);
}

struct moving {
    const struct names *from;
    struct names to;
};

static void move_name(void *context, name_id *id)
{
    struct moving *m = context;
    *id = name_put(&m->to, name_text(m->from, *id));
}

/* Hosts and versions come and go; their names stay until somebody sweeps. */
static void sweep_names(struct fleet *f)
{
    struct moving m = {.from = &f->names};
    names_init(&m.to);
    visit_names(f, move_name, &m);
    m.to.refused += f->names.refused;
    names_free(&f->names);
    f->names = m.to;
    map_clear(&f->by_product);
    for (uint32_t i = 1; i <= f->product_count; i++)
        *map_put(&f->by_product, text_of(f, f->products[i].name), NULL) = i;
}

/* ------------------------------------------------------------------ saving */

static void save_hosts(const struct fleet *f, struct buf *out)
{
    for (uint32_t i = 0; i < f->host_count; i++) {
        struct host copy = *f->hosts[i];
        uint32_t which = 0;
        for (unsigned n = 0; n < FUNCTION_COUNT; n++) {
            which |= copy.controls[n] != NULL ? 1u << n : 0;
            copy.controls[n] = NULL;
        }
        buf_bytes(out, &copy, sizeof copy);
        buf_bytes(out, &which, sizeof which);
        for (unsigned n = 0; n < FUNCTION_COUNT; n++)
            if (which >> n & 1)
                buf_bytes(out, f->hosts[i]->controls[n], sizeof(struct control));
    }
}

static void save_products(const struct fleet *f, struct buf *out)
{
    for (uint32_t i = 1; i <= f->product_count; i++) {
        struct product copy = f->products[i];
        for (unsigned c = 0; c < COMPONENT_COUNT; c++)
            copy.versions[c].items = NULL;
        buf_bytes(out, &copy, sizeof copy);
        for (unsigned c = 0; c < COMPONENT_COUNT; c++)
            for (uint32_t v = 0; v < copy.versions[c].count; v++) {
                struct release r = f->products[i].versions[c].items[v];
                const struct adoption *adoptions = r.adoptions;
                r.adoptions = NULL;
                buf_bytes(out, &r, sizeof r);
                buf_bytes(out, adoptions, r.adoption_count * sizeof *adoptions);
            }
    }
}

static void save_sightings(const struct sightings *s, struct buf *out)
{
    for (unsigned half = 0; half < 2; half++)
        for (uint32_t i = 0; s->halves[half] != NULL && i < s->capacity * 2; i++)
            if (s->halves[half][i].file != 0)
                buf_bytes(out, &s->halves[half][i], sizeof(struct sighting));
}

void fleet_save(struct fleet *f, struct buf *out)
{
    size_t start = out->n;
    if (f->names.count > NAMES_MAX / 8)
        sweep_names(f);
    struct head head = {.names = f->names.count,
                        .hosts = f->host_count,
                        .products = f->product_count,
                        .gateways = f->gateway_count,
                        .sightings = {f->sightings.counts[0], f->sightings.counts[1]},
                        .lates = f->late_count,
                        .scans = f->scan_count,
                        .scans_ever = f->scans_ever,
                        .catches = f->catch_count,
                        .reasons = f->reason_count,
                        .words = f->word_count,
                        .lates_ever = f->lates_ever,
                        .dropped_hashes = f->sightings.dropped,
                        .through = f->through,
                        .watermark_ns = f->watermark_ns,
                        .due_ns = f->due_ns,
                        .counters = f->counters};
    fill_sizes(&head);
    buf_bytes(out, &head, sizeof head);
    for (uint32_t i = 1; i < f->names.count; i++) {
        uint32_t n = (uint32_t)f->names.texts[i].n;
        buf_bytes(out, &n, sizeof n);
        buf_add(out, f->names.texts[i]);
    }
    save_hosts(f, out);
    save_products(f, out);
    buf_bytes(out, f->gateways, f->gateway_count * sizeof *f->gateways);
    save_sightings(&f->sightings, out);
    buf_bytes(out, f->lates, f->late_count * sizeof *f->lates);
    buf_bytes(out, f->scans, f->scan_count * sizeof *f->scans);
    buf_bytes(out, f->catches, f->catch_count * sizeof *f->catches);
    buf_bytes(out, f->reasons, f->reason_count * sizeof *f->reasons);
    buf_bytes(out, f->words, f->word_count * sizeof *f->words);
    uint64_t sum = str_hash(str_n(out->p + start, out->n - start));
    buf_bytes(out, &sum, sizeof sum);
}

/* ----------------------------------------------------------------- loading */

static bool take(struct str *rest, void *out, size_t n)
{
    if (rest->n < n)
        return false;
    if (n)
        memcpy(out, rest->p, n);
    *rest = str_skip(*rest, n);
    return true;
}

static bool load_names(struct fleet *f, uint32_t count, struct str *rest)
{
    for (uint32_t i = 1; i < count; i++) {
        uint32_t n;
        if (!take(rest, &n, sizeof n) || n > rest->n || n == 0)
            return false;
        if (name_put(&f->names, str_slice(*rest, 0, n)) != i)
            return false;
        *rest = str_skip(*rest, n);
    }
    return true;
}

static bool are_sound(const struct held *held)
{
    for (unsigned i = 0; i < COMPONENT_COUNT; i++)
        if (held[i].product >= PRODUCTS_MAX)
            return false;
    return true;
}

static bool load_hosts(struct fleet *f, uint32_t count, struct str *rest)
{
    f->hosts = NEW_ARRAY(struct host *, count + 1);
    f->host_capacity = count + 1;
    for (uint32_t i = 0; i < count; i++) {
        struct host *h = NEW(struct host);
        uint32_t which;
        f->hosts[f->host_count++] = h;
        if (!take(rest, h, sizeof *h) || !take(rest, &which, sizeof which)) {
            memset(h->controls, 0, sizeof h->controls);
            return false;
        }
        memset(h->controls, 0, sizeof h->controls);
        if (h->address_count > HOST_ADDRESSES || h->patch_count > PATCHES_MAX || h->name >= f->names.count)
            return false;
        for (unsigned n = 0; n < FUNCTION_COUNT; n++) {
            if (!(which >> n & 1))
                continue;
            h->controls[n] = NEW(struct control);
            if (!take(rest, h->controls[n], sizeof(struct control)) ||
                h->controls[n]->product >= PRODUCTS_MAX || !are_sound(h->controls[n]->held))
                return false;
        }
    }
    return true;
}

static bool load_versions(struct versions *v, struct str *rest)
{
    uint32_t count = v->count;
    v->items = NEW_ARRAY(struct release, count + 1);
    v->capacity = count + 1;
    for (v->count = 0; v->count < count;) {
        struct release r;
        if (!take(rest, &r, sizeof r))
            return false;
        r.adoptions = NULL;
        r.adoption_capacity = r.adoption_count;
        v->items[v->count++] = (struct release){0};
        if (r.adoption_count > rest->n / sizeof(struct adoption))
            return false;
        if (r.adoption_count)
            r.adoptions = NEW_ARRAY(struct adoption, r.adoption_count);
        v->items[v->count - 1] = r;
        if (!take(rest, r.adoptions, r.adoption_count * sizeof(struct adoption)))
            return false;
    }
    return true;
}

static bool load_products(struct fleet *f, uint32_t count, struct str *rest)
{
    if (count >= PRODUCTS_MAX)
        return false;
    for (uint32_t i = 1; i <= count; i++) {
        struct product copy;
        if (!take(rest, &copy, sizeof copy))
            return false;
        uint32_t counts[COMPONENT_COUNT];
        for (unsigned c = 0; c < COMPONENT_COUNT; c++) {
            counts[c] = copy.versions[c].count;
            copy.versions[c].items = NULL;
            copy.versions[c].count = copy.versions[c].capacity = 0;
        }
        f->products[i] = copy;
        f->product_count = i;
        *map_put(&f->by_product, text_of(f, copy.name), NULL) = i;
        for (unsigned c = 0; c < COMPONENT_COUNT; c++) {
            struct versions *v = &f->products[i].versions[c];
            if (counts[c] > rest->n / sizeof(struct release))
                return false;
            v->count = counts[c];
            if (!load_versions(v, rest))
                return false;
        }
    }
    return true;
}

static bool load_sightings(struct fleet *f, const uint32_t counts[2], struct str *rest)
{
    struct sightings *s = &f->sightings;
    for (unsigned half = 0; half < 2; half++) {
        if (counts[half] == 0)
            continue;
        if (counts[half] > rest->n / sizeof(struct sighting))
            return false;
        uint32_t slots = s->capacity * 2, kept = 0;
        s->halves[half] = NEW_ARRAY(struct sighting, slots);
        for (uint32_t i = 0; i < counts[half]; i++) {
            struct sighting one;
            if (!take(rest, &one, sizeof one) || one.file == 0 || one.passed_product >= PRODUCTS_MAX ||
                one.caught_product >= PRODUCTS_MAX)
                return false;
            if (kept >= s->capacity) /* the limit is smaller now */
                continue;
            uint32_t at = (uint32_t)(one.file % slots);
            while (s->halves[half][at].file != 0 && s->halves[half][at].file != one.file)
                at = (at + 1) % slots;
            kept += s->halves[half][at].file == 0;
            s->halves[half][at] = one;
        }
        s->counts[half] = kept;
    }
    return true;
}

static bool load_lates(struct fleet *f, const struct head *head, struct str *rest)
{
    if (head->lates > rest->n / sizeof(struct late))
        return false;
    f->lates = NEW_ARRAY(struct late, f->late_capacity);
    for (uint32_t i = 0; i < head->lates; i++) {
        struct late one;
        if (!take(rest, &one, sizeof one) || one.product >= PRODUCTS_MAX)
            return false;
        if (i < f->late_capacity)
            f->lates[f->late_count++] = one;
    }
    f->lates_ever = head->lates == f->late_capacity ? head->lates_ever : f->late_count;
    return true;
}

static bool load_scans(struct fleet *f, const struct head *head, struct str *rest)
{
    if (head->scans > rest->n / sizeof(struct scan))
        return false;
    f->scans = NEW_ARRAY(struct scan, f->scan_capacity);
    for (uint32_t i = 0; i < head->scans; i++) {
        struct scan one;
        if (!take(rest, &one, sizeof one) || one.product >= PRODUCTS_MAX)
            return false;
        if (i < f->scan_capacity)
            f->scans[f->scan_count++] = one;
    }
    f->scans_ever = head->scans == f->scan_capacity ? head->scans_ever : f->scan_count;
    return true;
}

static bool load_lists(struct fleet *f, const struct head *head, struct str *rest)
{
    if (head->gateways > rest->n / sizeof(struct gateway) || head->catches > CATCHES_MAX ||
        head->reasons > REASONS_MAX || head->words > WORDS_MAX)
        return false;
    f->gateways = NEW_ARRAY(struct gateway, head->gateways + 1);
    f->gateway_count = head->gateways;
    if (!take(rest, f->gateways, head->gateways * sizeof *f->gateways) ||
        !load_sightings(f, head->sightings, rest) || !load_lates(f, head, rest) || !load_scans(f, head, rest))
        return false;
    for (uint32_t i = 0; i < f->gateway_count; i++)
        if (f->gateways[i].product >= PRODUCTS_MAX || !are_sound(f->gateways[i].held))
            return false;
    f->catch_count = head->catches;
    f->reason_count = head->reasons;
    f->word_count = head->words;
    if (!take(rest, f->catches, head->catches * sizeof *f->catches))
        return false;
    for (uint32_t i = 0; i < f->catch_count; i++)
        if (f->catches[i].passed_product >= PRODUCTS_MAX || f->catches[i].caught_product >= PRODUCTS_MAX)
            return false;
    return take(rest, f->reasons, head->reasons * sizeof *f->reasons) &&
           take(rest, f->words, head->words * sizeof *f->words) && rest->n == 0;
}

static bool refuse(struct error *err, const char *why)
{
    return error_set(
        err,
        tr("the saved state of the fleet cannot be used (%s); it begins anew and learns from what "
           "comes in.",
           "保存された端末の守りの状態を利用できません(%s)。最初から始め、届くログから学び直します。"),
        why);
}

/* Empty again, with the same rules. */
static void forget_all(struct fleet *f)
{
    struct fleet_rules *rules = f->rules;
    f->rules = NULL;
    struct fleet *empty = fleet_new(rules), old = *f;
    *f = *empty;
    *empty = old;
    fleet_free(empty);
}

bool fleet_load(struct fleet *f, struct str saved, struct error *err)
{
    struct head head = {0}, own = {0};
    uint64_t sum;
    if (saved.n < sizeof head + sizeof sum)
        return refuse(err, tr("cut short", "途中で切れています"));
    memcpy(&sum, saved.p + saved.n - sizeof sum, sizeof sum);
    struct str rest = str_slice(saved, 0, saved.n - sizeof sum);
    if (str_hash(rest) != sum)
        return refuse(err, tr("damaged", "壊れています"));
    take(&rest, &head, sizeof head);
    fill_sizes(&own);
    if (memcmp(head.magic, own.magic, sizeof own.magic) != 0 ||
        memcmp(head.sizes, own.sizes, sizeof own.sizes) != 0)
        return refuse(err, tr("of another version", "別の版です"));
    forget_all(f);
    if (head.hosts > rest.n / sizeof(struct host) || !load_names(f, head.names, &rest) ||
        !load_hosts(f, head.hosts, &rest) || !load_products(f, head.products, &rest) ||
        !load_lists(f, &head, &rest)) {
        forget_all(f);
        return refuse(err, tr("damaged", "壊れています"));
    }
    f->watermark_ns = head.watermark_ns;
    f->due_ns = head.due_ns;
    f->through = head.through;
    f->counters = head.counters;
    f->sightings.dropped = head.dropped_hashes;
    hosts_index(f);
    return true;
}

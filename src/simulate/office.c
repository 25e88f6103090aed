/* Making the office. See office.h; what is written about it is in office_context.c. */
#include "simulate/office.h"

#include <stdlib.h>

#include "base/log.h"
#include "simulate/random.h"

#define NETWORK_HOSTS 180 /* of one /24: .11 to .190; printers and visitors have what is above */

static const char *const attribute_names[] = {"name",       "ip",     "net",     "mac",           "user",
                                              "department", "role",   "type",    "key",           "vendor",
                                              "product",    "engine", "pattern", "pattern_before"};

bool attribute_find(struct str name, enum attribute *out)
{
    for (size_t i = 0; i < COUNT_OF(attribute_names); i++)
        if (str_eq(name, str_c(attribute_names[i]))) {
            *out = (enum attribute)i;
            return true;
        }
    return false;
}

struct host *office_server(const struct office *o, struct str key)
{
    for (size_t i = 0; i < o->host_count && key.n; i++)
        if (str_eq(o->hosts[i].texts[ATTRIBUTE_KEY], key))
            return &o->hosts[i];
    return NULL;
}

bool host_has_role(const struct host *h, struct str role)
{
    struct str part, rest = h->texts[ATTRIBUTE_ROLE];
    while (str_split(&rest, ';', &part))
        if (str_eq(part, role))
            return true;
    return false;
}

static struct department *find_department(struct office *o, struct str name)
{
    for (size_t i = 0; i < o->department_count; i++)
        if (str_eq(o->departments[i].name, name))
            return &o->departments[i];
    return NULL;
}

/* Locally administered, and telling of its address, so that people can read logs. */
static struct str mac_of(struct office *o, struct str ip)
{
    unsigned bytes[4] = {0};
    struct str part;
    uint64_t value;
    for (unsigned i = 0; i < 4 && str_split(&ip, '.', &part); i++)
        bytes[i] = str_to_u64(part, 10, &value) ? (unsigned)value : 0;
    return arena_printf(o->arena, "02:00:%02x:%02x:%02x:%02x", bytes[0] & 255, bytes[1] & 255, bytes[2] & 255,
                        bytes[3] & 255);
}

static struct host *add_host(struct office *o, struct str name, struct str ip, uint64_t seed)
{
    if (o->host_count == o->host_capacity)
        BUG("more hosts than there is room for");
    struct host *h = &o->hosts[o->host_count];
    *h =
        (struct host){.number = (uint32_t)o->host_count++, .importance = 2, .is_registered = true, .pace = 1};
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
        h->texts[i] = STR_EMPTY;
    h->key = random_key_of(seed, name);
    h->texts[ATTRIBUTE_NAME] = name;
    h->texts[ATTRIBUTE_IP] = ip;
    h->texts[ATTRIBUTE_NET] = str_slice(ip, 0, str_find_last_char(ip, '.'));
    h->texts[ATTRIBUTE_MAC] = mac_of(o, ip);
    return h;
}

/* ---------------------------------------------------------------- office.yml */

static bool read_departments(struct office *o, const struct yaml *list, struct error *err)
{
    o->departments = ARENA_ARRAY(o->arena, struct department, (list ? list->count : 0) + 1);
    for (const struct yaml *n = list ? list->child : NULL; n; n = n->next) {
        struct department *d = &o->departments[o->department_count++];
        *d = (struct department){.name = yaml_text(n, "name"),
                                 .code = yaml_text(n, "code"),
                                 .network = yaml_text(n, "network"),
                                 .is_sensor = yaml_bool(n, "sensor", false),
                                 .is_listed = yaml_bool(n, "listed", true),
                                 .importance = (int)yaml_int(n, "importance", 2)};
        if (!str_to_double(yaml_text(n, "share"), &d->share))
            d->share = 0;
        if (d->name.n == 0 || d->code.n == 0 || d->network.n == 0)
            return error_at(err, o->path, n->line, n->column, "%s",
                            tr("a department needs name, code and network: 10.20.30",
                               "部署には name、code、network: 10.20.30 が必要です"));
    }
    return true;
}

static bool read_servers(struct office *o, const struct yaml *list, uint64_t seed, struct error *err)
{
    for (const struct yaml *n = list ? list->child : NULL; n; n = n->next) {
        struct department *d = find_department(o, yaml_text(n, "department"));
        if (d == NULL || yaml_text(n, "name").n == 0 || yaml_text(n, "ip").n == 0)
            return error_at(err, o->path, n->line, n->column, "%s",
                            tr("a server needs name, ip and a department of the list above",
                               "サーバーには name、ip と、上の一覧にある department が必要です"));
        struct host *h = add_host(o, yaml_text(n, "name"), yaml_text(n, "ip"), seed);
        h->department = d;
        h->texts[ATTRIBUTE_DEPARTMENT] = d->name;
        h->texts[ATTRIBUTE_KEY] = yaml_text(n, "key");
        h->texts[ATTRIBUTE_ROLE] = yaml_text(n, "role");
        h->texts[ATTRIBUTE_TYPE] = yaml_text(n, "type").n ? yaml_text(n, "type") : STR("server");
        h->texts[ATTRIBUTE_USER] = yaml_text(n, "user");
        h->importance = (int)yaml_int(n, "importance", 3);
        h->kind = str_eq(h->texts[ATTRIBUTE_TYPE], STR("server")) ? HOST_SERVER : HOST_DEVICE;
        h->is_always_on = true;
    }
    return true;
}

/* "t.sato", "t.sato2" …: names go round through all initials before one comes twice. */
static struct str user_name(struct office *o, const struct yaml *names, size_t number, uint64_t seed)
{
    const struct yaml *n = names ? names->child : NULL;
    size_t count = names ? names->count : 0, mixed = count ? (number * 7 + seed % 1009) : number;
    for (size_t i = count ? mixed % count : 0; i > 0; i--)
        n = n->next;
    static const char initials[] = "takmshynrikoedjwu";
    size_t round = count ? number / count : number, letters = sizeof initials - 1;
    struct str surname = n ? n->text : STR("user");
    char initial = initials[(round + seed % letters) % letters];
    if (round / letters == 0)
        return arena_printf(o->arena, "%c.%.*s", initial, STR_ARGS(surname));
    return arena_printf(o->arena, "%c.%.*s%zu", initial, STR_ARGS(surname), round / letters + 1);
}

static void add_client(struct office *o, struct department *d, const struct yaml *names, size_t number,
                       uint64_t seed)
{
    unsigned index = d->host_count++, net = index / NETWORK_HOSTS;
    uint64_t a, b, c;
    struct str rest = d->network, part;
    bool ok = str_split(&rest, '.', &part) && str_to_u64(part, 10, &a) && str_split(&rest, '.', &part) &&
              str_to_u64(part, 10, &b) && str_split(&rest, '.', &part) && str_to_u64(part, 10, &c);
    if (!ok)
        a = 10, b = 20, c = 0;
    struct str ip = arena_printf(o->arena, "%u.%u.%u.%u", (unsigned)a & 255, (unsigned)(b + net) & 255,
                                 (unsigned)c & 255, 11 + index % NETWORK_HOSTS);
    struct host *h =
        add_host(o, arena_printf(o->arena, "PC-%.*s-%03u", STR_ARGS(d->code), index + 11), ip, seed);
    d->network_count = net + 1;
    h->department = d;
    h->importance = d->importance;
    h->texts[ATTRIBUTE_DEPARTMENT] = d->name;
    h->texts[ATTRIBUTE_USER] = user_name(o, names, number, seed);
    h->texts[ATTRIBUTE_ROLE] = STR("staff");
    h->texts[ATTRIBUTE_TYPE] = random_share(random_key(h->key, 1)) < 0.55 ? STR("laptop") : STR("desktop");
    h->pace = 0.4 + 1.2 * random_share(random_key(h->key, 2));
    h->is_always_on = random_share(random_key(h->key, 3)) < 0.06;
}

/* Largest remainder: the shares are met as well as whole hosts allow, whatever the order. */
static void add_clients(struct office *o, const struct yaml *names, size_t clients, uint64_t seed)
{
    double sum = 0;
    size_t number = 0;
    for (size_t i = 0; i < o->department_count; i++)
        sum += o->departments[i].share;
    for (size_t i = 0; i < o->department_count && sum > 0; i++) {
        double before = 0;
        for (size_t k = 0; k <= i; k++)
            before += o->departments[k].share;
        size_t until =
            i + 1 == o->department_count ? clients : (size_t)(before / sum * (double)clients + 0.5);
        while (number < until)
            add_client(o, &o->departments[i], names, number++, seed);
    }
}

/* People with duties, applications and exceptions: the n-th client of a department. */
static bool read_people(struct office *o, const struct yaml *list, struct error *err)
{
    for (const struct yaml *n = list ? list->child : NULL; n; n = n->next) {
        struct str department = yaml_text(n, "department");
        int64_t which = yaml_int(n, "number", 1);
        if (find_department(o, department) == NULL)
            return error_at(err, o->path, n->line, n->column,
                            tr("there is no department \"%.*s\"", "部署「%.*s」がありません"),
                            STR_ARGS(department));
        for (size_t i = 0; i < o->host_count; i++) {
            struct host *h = &o->hosts[i];
            if (h->kind != HOST_CLIENT || !str_eq(h->texts[ATTRIBUTE_DEPARTMENT], department) || --which != 0)
                continue;
            h->texts[ATTRIBUTE_ROLE] =
                yaml_text(n, "role").n ? yaml_text(n, "role") : h->texts[ATTRIBUTE_ROLE];
            h->texts[ATTRIBUTE_KEY] = yaml_text(n, "key");
            h->approved_applications = yaml_text(n, "approved_applications");
            h->importance = (int)yaml_int(n, "importance", h->importance);
        }
    }
    return true;
}

static bool begin(struct office *o, const char *path, size_t hosts, struct arena *arena, struct yaml **top,
                  struct error *err)
{
    *o = (struct office){.arena = arena, .path = path, .host_capacity = hosts};
    *top = yaml_load(path, arena, err);
    if (*top == NULL)
        return false;
    o->domain = yaml_text(*top, "domain");
    o->exceptions = yaml_get(*top, "exceptions");
    o->hosts = ARENA_ARRAY(arena, struct host, hosts);
    return true;
}

bool office_make(struct office *o, const char *path, size_t clients, uint64_t seed, struct arena *arena,
                 struct error *err)
{
    struct yaml *top;
    if (clients > OFFICE_HOSTS_MAX)
        return error_set(err, tr("--hosts: at most %d", "--hosts は %d 以下にしてください"),
                         OFFICE_HOSTS_MAX);
    if (!begin(o, path, clients + 1000, arena, &top, err) ||
        !read_departments(o, yaml_get(top, "departments"), err) ||
        !read_servers(o, yaml_get(top, "servers"), seed, err))
        return false;
    add_clients(o, yaml_get(top, "surnames"), clients, seed);
    return read_people(o, yaml_get(top, "people"), err);
}

struct host *office_bring_in(struct office *o, const struct host *neighbour, struct str name, struct str user)
{
    unsigned last = 240;
    for (size_t i = 0; i < o->host_count; i++)
        last += o->hosts[i].is_visitor && o->hosts[i].department == neighbour->department;
    if (o->host_count == o->host_capacity || last > 254)
        return NULL;
    struct str ip = arena_printf(o->arena, "%.*s.%u", STR_ARGS(neighbour->texts[ATTRIBUTE_NET]), last);
    struct host *h = add_host(o, name, ip, neighbour->key);
    h->department = neighbour->department;
    h->texts[ATTRIBUTE_DEPARTMENT] = neighbour->texts[ATTRIBUTE_DEPARTMENT];
    h->texts[ATTRIBUTE_USER] = user;
    h->texts[ATTRIBUTE_TYPE] = STR("laptop");
    h->is_registered = false;
    h->is_visitor = true;
    for (unsigned i = 0; i < CONDITIONS_MAX; i++)
        h->control.since_ns[i] = INT64_MAX;
    h->control.full_scan_ns = TIME_UNKNOWN;
    return h;
}

/* ---------------------------------------------------------------- an organisation's own */

static struct str first_of(const struct asset_list *l)
{
    return l->count ? l->items[0] : STR_EMPTY;
}

static struct str joined(struct arena *a, const struct asset_list *l)
{
    struct str all = STR_EMPTY;
    for (uint32_t i = 0; i < l->count; i++)
        all = i ? arena_concat(a, arena_concat(a, all, STR(";")), l->items[i]) : l->items[i];
    return all;
}

static struct department *department_of(struct office *o, const struct asset_set *assets, struct str name)
{
    struct department *d = find_department(o, name);
    if (d != NULL)
        return d;
    d = &o->departments[o->department_count++];
    *d = (struct department){.name = name, .code = name, .importance = 2, .is_listed = true};
    for (uint32_t i = 0; i < assets->counts[ASSET_DEPARTMENTS]; i++)
        if (str_eq(assets->departments[i].department, name))
            d->is_sensor = assets->departments[i].sensor == ASSET_FLAG_YES;
    return d;
}

static void add_asset_host(struct office *o, const struct asset_set *assets, const struct asset_host *a,
                           uint64_t seed)
{
    struct host *h = add_host(o, a->hostname, first_of(&a->ips), seed);
    h->department = department_of(o, assets, a->department);
    h->importance = a->importance ? a->importance : 2;
    h->texts[ATTRIBUTE_DEPARTMENT] = a->department;
    h->texts[ATTRIBUTE_USER] = a->owner.n ? a->owner : STR("user");
    h->texts[ATTRIBUTE_ROLE] = joined(o->arena, &a->roles);
    h->texts[ATTRIBUTE_TYPE] = a->type;
    if (a->macs.count)
        h->texts[ATTRIBUTE_MAC] = a->macs.items[0];
    bool is_person =
        str_eq(a->type, STR("desktop")) || str_eq(a->type, STR("laptop")) || host_has_role(h, STR("staff"));
    h->kind = str_eq(a->type, STR("server")) ? HOST_SERVER : is_person ? HOST_CLIENT : HOST_DEVICE;
}

/* Scenarios speak of "proxy", "dns": the organisation's own host with the role, else the one of office.yml.
 */
static void take_keys(struct office *o, const struct yaml *servers, uint64_t seed)
{
    for (const struct yaml *n = servers ? servers->child : NULL; n; n = n->next) {
        struct str role = yaml_text(n, "role");
        struct host *found = NULL;
        for (size_t i = 0; i < o->host_count && found == NULL; i++)
            if (o->hosts[i].texts[ATTRIBUTE_KEY].n == 0 && role.n && host_has_role(&o->hosts[i], role))
                found = &o->hosts[i];
        if (found == NULL) {
            found = add_host(o, yaml_text(n, "name"), yaml_text(n, "ip"), seed);
            found->kind = HOST_SERVER;
            found->texts[ATTRIBUTE_TYPE] = STR("server");
            found->texts[ATTRIBUTE_ROLE] = role;
            found->department = &o->departments[0];
        }
        found->texts[ATTRIBUTE_KEY] = yaml_text(n, "key");
    }
}

static void take_people(struct office *o, const struct yaml *people)
{
    for (const struct yaml *n = people ? people->child : NULL; n; n = n->next)
        for (size_t i = 0; i < o->host_count; i++) {
            struct host *h = &o->hosts[i];
            if (h->kind != HOST_CLIENT || h->texts[ATTRIBUTE_KEY].n ||
                !host_has_role(h, yaml_text(n, "role")))
                continue;
            h->texts[ATTRIBUTE_KEY] = yaml_text(n, "key");
            break;
        }
}

bool office_from_assets(struct office *o, const char *path, const struct asset_set *assets, uint64_t seed,
                        struct arena *arena, struct error *err)
{
    struct yaml *top;
    size_t count = assets->counts[ASSET_HOSTS];
    if (!begin(o, path, count + 1000, arena, &top, err))
        return false;
    o->departments = ARENA_ARRAY(arena, struct department, count + 2);
    for (size_t i = 0; i < count; i++)
        if (assets->hosts[i].ips.count && assets->hosts[i].hostname.n)
            add_asset_host(o, assets, &assets->hosts[i], seed);
    if (o->host_count == 0)
        return error_set(err, "%s",
                         tr("no host with a name and an address is known; import the context files first "
                            "(hyakuyo asset import DIR)",
                            "名前とアドレスのある端末が登録されていません。先に台帳を取り込んでください("
                            "hyakuyo asset import DIR)"));
    take_keys(o, yaml_get(top, "servers"), seed);
    take_people(o, yaml_get(top, "people"));
    return true;
}

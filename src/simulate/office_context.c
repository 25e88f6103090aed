/* The context files of the office, as `asset import` and `replay --assets` read them. */
#include "base/file.h"
#include "simulate/office.h"

static void cell(struct buf *out, struct str text, char after)
{
    bool is_quoted =
        str_find_char(text, ',', 0) != STR_NOT_FOUND || str_find_char(text, '"', 0) != STR_NOT_FOUND;
    if (is_quoted)
        buf_char(out, '"');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"')
            buf_char(out, '"');
        buf_char(out, text.p[i]);
    }
    if (is_quoted)
        buf_char(out, '"');
    buf_char(out, after);
}

static void write_hosts(const struct office *o, struct buf *out)
{
    buf_c(out, "ip,hostname,mac,owner,department,importance,role,type,approved_applications\n");
    for (size_t i = 0; i < o->host_count; i++) {
        const struct host *h = &o->hosts[i];
        if (!h->is_registered)
            continue;
        static const enum attribute columns[] = {ATTRIBUTE_IP, ATTRIBUTE_NAME, ATTRIBUTE_MAC, ATTRIBUTE_USER,
                                                 ATTRIBUTE_DEPARTMENT};
        for (size_t c = 0; c < COUNT_OF(columns); c++)
            cell(out, h->texts[columns[c]], ',');
        buf_i64(out, h->importance);
        buf_char(out, ',');
        cell(out, h->texts[ATTRIBUTE_ROLE], ',');
        cell(out, h->texts[ATTRIBUTE_TYPE], ',');
        cell(out, h->approved_applications, '\n');
    }
}

static void write_users(const struct office *o, struct buf *out)
{
    buf_c(out, "user,department,role,importance,host\n");
    for (size_t i = 0; i < o->host_count; i++) {
        const struct host *h = &o->hosts[i];
        if (!h->is_registered || h->kind != HOST_CLIENT)
            continue;
        cell(out, h->texts[ATTRIBUTE_USER], ',');
        cell(out, h->texts[ATTRIBUTE_DEPARTMENT], ',');
        cell(out, h->texts[ATTRIBUTE_ROLE], ',');
        buf_i64(out, h->importance);
        buf_char(out, ',');
        cell(out, h->texts[ATTRIBUTE_NAME], '\n');
    }
}

/* The /24s that a department has hosts in: 10.20.30, 10.21.30 … */
static void write_networks_of(const struct department *d, struct buf *out, const char *between)
{
    struct str rest = d->network, a, b, c;
    uint64_t second;
    if (!str_split(&rest, '.', &a) || !str_split(&rest, '.', &b) || !str_split(&rest, '.', &c) ||
        !str_to_u64(b, 10, &second))
        return;
    for (uint32_t i = 0; i < (d->network_count ? d->network_count : 1); i++)
        buf_printf(out, "%s%.*s.%u.%.*s.0/24", i ? between : "", STR_ARGS(a), (unsigned)second + i,
                   STR_ARGS(c));
}

static void write_departments(const struct office *o, struct buf *out)
{
    buf_c(out, "department,network,sensor,importance,approved_applications\n");
    for (size_t i = 0; i < o->department_count; i++) {
        const struct department *d = &o->departments[i];
        cell(out, d->name, ',');
        write_networks_of(d, out, ";");
        buf_printf(out, ",%s,%d,\n", d->is_sensor ? "yes" : "no", d->importance);
    }
}

static void write_networks(const struct office *o, struct buf *out)
{
    buf_c(out, "cidr,department,zone,sensor\n");
    for (size_t i = 0; i < o->department_count; i++) {
        const struct department *d = &o->departments[i];
        write_networks_of(d, out, ";");
        buf_char(out, ',');
        cell(out, d->name, ',');
        buf_printf(out, "%s,%s\n", d->share > 0 ? "clients" : "servers", d->is_sensor ? "yes" : "no");
    }
}

static struct str address_of(const struct office *o, struct str who)
{
    const struct host *h = office_server(o, who);
    return h != NULL ? h->texts[ATTRIBUTE_IP] : who;
}

static void write_exceptions(const struct office *o, struct buf *out)
{
    static const char *const columns[] = {"protocol", "port",  "domain", "window",
                                          "reason",   "owner", "expires"};
    buf_c(out, "kind,ip,protocol,port,domain,window,reason,owner,expires\n");
    for (const struct yaml *n = o->exceptions ? o->exceptions->child : NULL; n; n = n->next) {
        cell(out, yaml_text(n, "kind"), ',');
        cell(out, address_of(o, yaml_text(n, "host")), ',');
        for (size_t c = 0; c < COUNT_OF(columns); c++)
            cell(out, yaml_text(n, columns[c]), c + 1 == COUNT_OF(columns) ? '\n' : ',');
    }
}

bool office_write_context(const struct office *o, const char *folder, struct error *err)
{
    static const struct {
        const char *name;
        void (*write)(const struct office *o, struct buf *out);
    } files[] = {{"hosts.csv", write_hosts},
                 {"users.csv", write_users},
                 {"departments.csv", write_departments},
                 {"networks.csv", write_networks},
                 {"exceptions.csv", write_exceptions}};
    struct buf path = {0}, text = {0};
    bool ok = true;
    for (size_t i = 0; i < COUNT_OF(files) && ok; i++) {
        buf_clear(&path);
        buf_clear(&text);
        buf_printf(&path, "%s/%s", folder, files[i].name);
        files[i].write(o, &text);
        ok = file_write_atomic(buf_cstr(&path), buf_str(&text), 0644, err);
    }
    buf_free(&path);
    buf_free(&text);
    return ok;
}

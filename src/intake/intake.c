/* The form: what it shows, what it takes. A report is a row with its entry in the record before anybody is
 * told its number; all else follows in the background. Next: intake_thread.c. */
#include "intake/intake.h"

#include "base/log.h"
#include "base/sha256.h"
#include "enrich/context.h"

#define SYMPTOMS_BYTES_MAX 400

/* -------------------------------------------------------------- computers */

/* What may stand as the name of a host; anything else stays in the row as it was written. */
static bool is_host_name(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = ascii_lower(text.p[i]);
        if (!ascii_is_digit(c) && (c < 'a' || c > 'z') && c != '-' && c != '.' && c != '_')
            return false;
    }
    return text.n > 0 && text.n <= 253;
}

/* Which computer it is: by what was written, else by where the request came from when the inventory knows
 * that address as a computer. Nothing of this is told to whoever asks. */
static void find_computer(struct casework *c, struct str pc, struct str address, struct work_row *row)
{
    struct ip ip;
    char text[IP_TEXT_MAX];
    bool is_address = ip_parse(pc, &ip);
    struct str typed_ip = is_address ? arena_str(c->arena, str_n(text, ip_format(&ip, text))) : STR_EMPTY;
    struct str name = is_address || !is_host_name(pc) ? STR_EMPTY : pc;
    struct str by_address = pc.n ? typed_ip : address;
    struct context *context = engine_context(c->s->engine);
    const struct asset_host *host =
        context && (name.n || by_address.n) ? context_find_host(context, name, by_address, c->now_ns) : NULL;
    row->values[USER_REPORT_HOST] = host && host->hostname.n ? arena_str(c->arena, host->hostname) : name;
    row->values[USER_REPORT_IP] =
        host && host->ips.count ? arena_str(c->arena, host->ips.items[0]) : typed_ip;
    if (host != NULL && by_address.n)
        row->values[USER_REPORT_IP] = by_address;
    row->values[USER_REPORT_DEPARTMENT] =
        context
            ? arena_str(c->arena, context_department(context, host, row->values[USER_REPORT_IP], c->now_ns))
            : STR_EMPTY;
    context_unref(context);
}

/* --------------------------------------------------------------- the form */

void intake_key(const struct server *s, const struct work_row *report, char out[INTAKE_KEY_CHARS + 1])
{
    unsigned char code[SHA256_BYTES];
    char message[64];
    int n = snprintf(message, sizeof message, "user report %llu %lld", (unsigned long long)report->id,
                     (long long)work_number(report, USER_REPORT_RECEIVED));
    hmac_sha256(str_n((const char *)s->canary_key.bytes, sizeof s->canary_key.bytes),
                str_n(message, (size_t)n), code);
    for (int i = 0; i < INTAKE_KEY_CHARS / 2; i++)
        snprintf(out + 2 * i, 3, "%02x", code[i]);
}

/* Each part must be known; written back without doubles and blanks. */
static bool read_ids(struct casework *c, const char *member, const struct intake_list *first,
                     const struct intake_list *second, struct str *out)
{
    struct buf kept = {0};
    struct str list = work_value(c, member), part, seen;
    while (list.n && str_split(&list, ';', &part)) {
        bool is_double = false;
        part = str_trim(part);
        if (part.n == 0)
            continue;
        if (!intake_find(first, part) && (second == NULL || !intake_find(second, part))) {
            buf_free(&kept);
            c->failure->status = 400;
            error_set(&c->failure->en, "\"%s\" names something that the form does not have.", member);
            error_set(&c->failure->ja, "「%s」に用紙にない項目があります。", member);
            return false;
        }
        for (struct str before = buf_str(&kept); before.n && str_split(&before, ';', &seen);)
            is_double |= str_eq(seen, part);
        if (!is_double && kept.n + part.n < SYMPTOMS_BYTES_MAX)
            buf_printf(&kept, "%s%.*s", kept.n ? ";" : "", STR_ARGS(part));
    }
    *out = arena_str(c->arena, buf_str(&kept));
    buf_free(&kept);
    return true;
}

static bool add_tick(struct casework *c, uint64_t report, struct str step, int64_t happened_ns)
{
    struct work_row tick = {0};
    tick.values[TICK_REPORT] = work_text_of((int64_t)report, c->arena);
    tick.values[TICK_STEP] = step;
    tick.values[TICK_TICKED] = work_text_of(happened_ns, c->arena);
    tick.values[TICK_ENTERED] = work_text_of(c->now_ns, c->arena);
    tick.values[TICK_WHO] = c->actor;
    return work_add(c, WORK_TICK, &tick);
}

static bool add_report(struct casework *c, struct work_row *row, struct str done)
{
    struct str step;
    if (!work_begin(c))
        return false;
    bool ok = work_add(c, WORK_USER_REPORT, row);
    while (ok && done.n && str_split(&done, ';', &step))
        ok = add_tick(c, row->id, step, c->now_ns);
    struct deed deed = work_deed(c, "report", 0, "user_report", row->id, row->values[USER_REPORT_TEXT]);
    return work_end(c, ok, &deed);
}

bool intake_file(struct casework *c, struct str channel, struct str address, struct work_row *row)
{
    const struct intake_rules *rules = c->s->intake_rules;
    struct str symptoms, done;
    int64_t noticed_ns = work_value_number(c, "noticed", c->now_ns);
    if (!read_ids(c, "symptoms", &rules->symptoms, NULL, &symptoms) ||
        !read_ids(c, "done", &rules->steps, &rules->deviations, &done))
        return false;
    if (symptoms.n == 0 && work_value(c, "text").n == 0)
        return work_refuse(c, 400, "Tick what happened, or write it in your own words.",
                           "あてはまる項目を選ぶか、起きたことを書いてください。");
    *row = (struct work_row){0};
    row->values[USER_REPORT_STATUS] = STR("new");
    row->values[USER_REPORT_CHANNEL] = channel;
    row->values[USER_REPORT_RECEIVED] = work_text_of(c->now_ns, c->arena);
    row->values[USER_REPORT_NOTICED] =
        work_text_of(noticed_ns < c->now_ns ? noticed_ns : c->now_ns, c->arena);
    row->values[USER_REPORT_SYMPTOMS] = symptoms;
    row->values[USER_REPORT_PC] = work_value(c, "pc");
    row->values[USER_REPORT_ADDRESS] = address;
    row->values[USER_REPORT_REPORTER] = work_value(c, "reporter");
    row->values[USER_REPORT_CONTACT] = work_value(c, "contact");
    row->values[USER_REPORT_LOCATION] = work_value(c, "location");
    row->values[USER_REPORT_TEXT] = work_value(c, "text");
    row->values[USER_REPORT_ENTERED_BY] = c->q->viewer.user.n ? c->actor : STR_EMPTY;
    find_computer(c, row->values[USER_REPORT_PC], address, row);
    if (!add_report(c, row, done))
        return false;
    intake_poke(c->s->intake);
    return true;
}

bool intake_tick(struct casework *c, const struct work_row *report, struct str step, int64_t happened_ns)
{
    const struct intake_rules *rules = c->s->intake_rules;
    struct work_rows ticks;
    const struct intake_item *item = intake_find(&rules->steps, step);
    if (item == NULL)
        item = intake_find(&rules->deviations, step);
    if (item == NULL)
        return work_refuse(c, 400, "The card has no such step.", "その手順はカードにありません。");
    if (!work_rows_of(c, WORK_TICK, report->id, &ticks))
        return false;
    for (uint32_t i = 0; i < ticks.count; i++)
        if (str_eq(ticks.rows[i].values[TICK_STEP], step))
            return true;
    if (!work_begin(c))
        return false;
    bool ok = add_tick(c, report->id, item->id, happened_ns < c->now_ns ? happened_ns : c->now_ns);
    struct deed deed = work_deed(c, "execute", (uint64_t)work_number(report, USER_REPORT_INCIDENT),
                                 "user_report", report->id, item->id);
    return work_end(c, ok, &deed);
}

/* ---------------------------------------------------------------- answers */

bool intake_put_ticks(struct casework *c, uint64_t report, struct json_writer *w)
{
    struct work_rows ticks;
    if (!work_rows_of(c, WORK_TICK, report, &ticks))
        return false;
    json_key(w, "ticks");
    json_begin_array(w);
    for (uint32_t i = 0; i < ticks.count; i++) {
        json_begin_object(w);
        work_row_members(WORK_TICK, &ticks.rows[i], c->sees_persons, w);
        json_end_object(w);
    }
    json_end_array(w);
    return true;
}

void intake_put_list(const struct intake_list *list, struct json_writer *w, const char *key)
{
    json_key(w, key);
    json_begin_array(w);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct intake_item *item = &list->items[i];
        json_begin_object(w);
        json_key(w, "id");
        json_put_str(w, item->id);
        json_both(w, "text", item->text.en, item->text.ja);
        json_end_object(w);
    }
    json_end_array(w);
}

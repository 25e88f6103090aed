/* The work on incidents over HTTP: tasks, hearing, decisions, evidence, hosts, reviews, countermeasures,
 * contacts. Stage: console. The routes are a list (work_routes.def); each is handed as it is to the one
 * service that knows the work. Next: services.h. */
#include "base/memory.h"
#include "console/console_internal.h"
#include "console/report_form.h"
#include "console/router.h"
#include "console/upload.h"

#define TEXT(name, least, most)                                                                              \
    {                                                                                                        \
        name, PARAMETER_TEXT, (least) > 0, least, most, NULL                                                 \
    }
#define MAY_TEXT(name, most)                                                                                 \
    {                                                                                                        \
        name, PARAMETER_TEXT, false, 0, most, NULL                                                           \
    }
#define MAY_TIME(name)                                                                                       \
    {                                                                                                        \
        name, PARAMETER_TIME, false, 0, 0, NULL                                                              \
    }
#define TIME(name)                                                                                           \
    {                                                                                                        \
        name, PARAMETER_TIME, true, 0, 0, NULL                                                               \
    }
#define MAY_FLAG(name)                                                                                       \
    {                                                                                                        \
        name, PARAMETER_BOOLEAN, false, 0, 0, NULL                                                           \
    }
#define CHOICE(name, choices)                                                                                \
    {                                                                                                        \
        name, PARAMETER_CHOICE, true, 0, 0, choices                                                          \
    }
#define MAY_CHOICE(name, choices)                                                                            \
    {                                                                                                        \
        name, PARAMETER_CHOICE, false, 0, 0, choices                                                         \
    }
#define MAY_NUMBER(name, most)                                                                               \
    {                                                                                                        \
        name, PARAMETER_INTEGER, false, 0, most, NULL                                                        \
    }
/* incident/vector.h; the console knows no other stage. */
#define VECTOR_KINDS                                                                                         \
    "mail|web|download|network_exploit|removable_media|brought_in_pc|supply_chain|remote_access|unknown"
/* S172–S174: on every entry of work; may say that nobody was needed. */
#define WHO_ANSWERS MAY_TEXT("instructed_by", 200), MAY_TEXT("approved_by", 200), MAY_TEXT("reported_to", 200)

static const struct parameter CASE[] = {MAY_CHOICE("vector_kind", VECTOR_KINDS),
                                        MAY_TEXT("vector", 4000),
                                        MAY_TEXT("root_cause", 4000),
                                        MAY_TEXT("unknown_reason", 4000),
                                        {0}};
static const struct parameter TASK[] = {
    TEXT("title", 1, 300),
    MAY_CHOICE("stage", "triage|investigating|containing|eradicating|recovering|monitoring|review"),
    MAY_NUMBER("minutes", 527040),
    MAY_TEXT("assignee", 64),
    MAY_TEXT("script", 4000),
    {0}};
static const struct parameter TASK_CHANGE[] = {MAY_CHOICE("status", "open|doing|done|waived"),
                                               MAY_TEXT("assignee", 64),
                                               MAY_TEXT("result", 4000),
                                               MAY_TEXT("reason", 4000),
                                               WHO_ANSWERS,
                                               {0}};
static const struct parameter HEARING[] = {TEXT("question", 1, 64),
                                           MAY_TEXT("answer", 64),
                                           MAY_TEXT("note", 4000),
                                           {0}};
static const struct parameter PROPOSAL[] = {TEXT("action", 1, 32),
                                            TEXT("scope", 1, 32),
                                            MAY_TEXT("question", 2000),
                                            MAY_TEXT("options", 2000),
                                            MAY_TEXT("impact", 4000),
                                            MAY_TEXT("recommendation", 2000),
                                            MAY_TIME("deadline"),
                                            MAY_FLAG("emergency"),
                                            MAY_TEXT("reason", 2000),
                                            MAY_TEXT("subject", 64),
                                            {0}};
static const struct parameter UNREAD_OR_ALL[] = {MAY_CHOICE("state", "unread|all"), {0}};
static const struct parameter WAITING[] = {MAY_CHOICE("state", "waiting|all"), {0}};
static const struct parameter NOTE[] = {MAY_TEXT("note", 2000), {0}};
static const struct parameter EVIDENCE[] = {
    CHOICE("type", "disk|memory|log|pcap|mail|photo|device|file"),
    MAY_CHOICE("purpose", "examination|eradication|false_alarm|offline_scan|rebuild"),
    TEXT("description", 1, 2000),
    MAY_TEXT("serial", 100),
    MAY_TEXT("source_host", 253),
    MAY_TIME("acquired"),
    MAY_TEXT("acquired_by", 64),
    MAY_TEXT("witness", 64),
    MAY_TEXT("tool", 500),
    MAY_FLAG("write_blocked"),
    MAY_CHOICE("power_state", "on|off|unknown"),
    MAY_FLAG("volatile_captured"),
    MAY_TEXT("sha256", 64),
    MAY_TEXT("md5", 32),
    MAY_NUMBER("size", INT64_C(1) << 50),
    MAY_TEXT("location", 200),
    MAY_TEXT("seal", 100),
    MAY_TIME("retention_until"),
    MAY_FLAG("legal_hold"),
    {0}};
static const struct parameter EVIDENCE_FORM[] = {MAY_CHOICE("as", "file|zip"), {0}};
static const struct parameter EVIDENCE_FILE[] = {
    TEXT("name", 1, 255),
    MAY_CHOICE("type", "disk|memory|log|pcap|mail|photo|device|file"),
    MAY_CHOICE("purpose", "examination|eradication|false_alarm|offline_scan|rebuild"),
    MAY_TEXT("description", 1000),
    MAY_TEXT("serial", 100),
    MAY_TEXT("source_host", 253),
    MAY_TIME("acquired"),
    MAY_TEXT("acquired_by", 64),
    MAY_TEXT("witness", 64),
    MAY_TEXT("tool", 500),
    MAY_FLAG("write_blocked"),
    MAY_CHOICE("power_state", "on|off|unknown"),
    MAY_FLAG("volatile_captured"),
    MAY_TEXT("sha256", 64),
    MAY_TEXT("seal", 100),
    MAY_FLAG("legal_hold"),
    {0}};
static const struct parameter EVIDENCE_QUERY[] = {TEXT("query", 1, 8000),
                                                  MAY_TIME("from"),
                                                  MAY_TIME("to"),
                                                  TEXT("description", 1, 2000),
                                                  MAY_TEXT("source_host", 253),
                                                  {0}};
static const struct parameter CUSTODY[] = {CHOICE("kind",
                                                  "transfer|receive|access|hold|release|retain|disposal"),
                                           MAY_TEXT("how", 500),
                                           MAY_TIME("until"),
                                           MAY_TEXT("to_person", 200),
                                           MAY_TIME("happened"),
                                           TEXT("reason", 1, 2000),
                                           {0}};
static const struct parameter HOST[] = {TEXT("host", 1, 253), MAY_TEXT("ip", 45), {0}};
static const struct parameter HOST_CHANGE[] = {MAY_CHOICE("status",
                                                          "detected|acted|contained|verified_clean|closed"),
                                               MAY_TEXT("residual_reason", 2000),
                                               MAY_TEXT("accepted_by", 200),
                                               {0}};
static const struct parameter ENTRY[] = {MAY_CHOICE("kind", "note|work|handover|mention"),
                                         TEXT("text", 1, 8000),
                                         MAY_TIME("happened"),
                                         MAY_TEXT("result", 2000),
                                         WHO_ANSWERS,
                                         MAY_NUMBER("effort_minutes", 527040),
                                         MAY_NUMBER("cost", 1000000000000),
                                         MAY_TEXT("mentions", 500),
                                         {0}};
static const struct parameter REVIEW[] = {MAY_TIME("held"),          TEXT("summary", 1, 8000),
                                          MAY_TEXT("causes", 8000),  MAY_TEXT("worked", 8000),
                                          MAY_TEXT("improve", 8000), {0}};
static const struct parameter ACTION[] = {TEXT("title", 1, 500), TEXT("owner", 1, 64),    TIME("due"),
                                          MAY_TEXT("kpi", 32),   MAY_TIME("measure_due"), {0}};
static const struct parameter ACTION_CHANGE[] = {CHOICE("status", "open|carried_out|done|dropped"),
                                                 MAY_TEXT("evidence", 4000),
                                                 MAY_TEXT("effect", 4000),
                                                 MAY_TIME("measure_due"),
                                                 {0}};
static const struct parameter MERGE[] = {{"into", PARAMETER_INTEGER, true, 1, INT64_C(1) << 53, NULL},
                                         MAY_TEXT("note", 4000),
                                         {0}};
static const struct parameter SPLIT[] = {TEXT("hosts", 1, 4000), MAY_TEXT("note", 4000), {0}};
static const struct parameter AS_OF[] = {TIME("time"), {0}};
static const struct parameter COUNTERMEASURE[] = {CHOICE("device", "firewall|proxy|dns|access"),
                                                  TEXT("target", 1, 253),
                                                  TEXT("reason", 1, 2000),
                                                  TIME("expires"),
                                                  {0}};
static const struct parameter COUNTERMEASURE_CHANGE[] = {CHOICE("status", "approved|active|verified|removed"),
                                                         MAY_TEXT("note", 2000),
                                                         {0}};
static const struct parameter BLOCKLIST[] = {MAY_CHOICE("format", "plain|rpz|edl"), {0}};
static const struct parameter FORMAT[] = {MAY_CHOICE("format", "json|text"), {0}};
#define WAYS                                                                                                 \
    MAY_TEXT("person", 200), MAY_TEXT("account", 64), MAY_TEXT("phone", 100), MAY_TEXT("mail", 254),         \
        MAY_TEXT("out_of_band", 300), MAY_TEXT("hours", 200), MAY_TIME("verified")
static const struct parameter CONTACT[] = {TEXT("role", 1, 32),
                                           CHOICE("position", "primary|deputy"),
                                           WAYS,
                                           {0}};
static const struct parameter CONTACT_CHANGE[] = {WAYS, {0}};

static const struct parameter INTAKE_STATE[] = {MAY_CHOICE("state", "open|all"),
                                                MAY_NUMBER("incident", INT64_C(1) << 53),
                                                {0}};
static const struct parameter INTAKE_CHANGE[] = {
    CHOICE("status", "taken|linked|closed"),
    MAY_NUMBER("incident", INT64_C(1) << 53),
    MAY_CHOICE("reason", "harmless|exercise|duplicate|handled|unreachable"),
    MAY_TEXT("note", 4000),
    {0}};
static const struct parameter INTAKE_TICK[] = {TEXT("step", 1, 32), MAY_TIME("happened"), {0}};
/* Registers around incidents. 0 hours: the contract promises nothing. */
#define MAY_ID(name)                                                                                         \
    {                                                                                                        \
        name, PARAMETER_INTEGER, false, 0, INT64_C(1) << 53, NULL                                            \
    }
#define ID(name)                                                                                             \
    {                                                                                                        \
        name, PARAMETER_INTEGER, true, 1, INT64_C(1) << 53, NULL                                             \
    }
#define TERMS                                                                                                \
    MAY_TEXT("service", 500), MAY_TEXT("contract", 100), MAY_TIME("contract_until"),                         \
        MAY_TEXT("scope", 2000), MAY_TEXT("hours", 200), MAY_NUMBER("respond_hours", 8784),                  \
        MAY_NUMBER("resolve_hours", 8784), MAY_NUMBER("price_cap", 1000000000000), MAY_TIME("nda_until"),    \
        MAY_TEXT("access", 2000), MAY_TEXT("accounts", 500), MAY_TEXT("invoked_by", 500),                    \
        MAY_TEXT("contact", 200), MAY_TEXT("phone", 100), MAY_TEXT("mail", 254), MAY_TIME("reviewed"),       \
        MAY_TIME("review_due")
static const struct parameter VENDOR[] = {TEXT("name", 1, 200), TERMS, {0}};
static const struct parameter VENDOR_CHANGE[] = {MAY_TEXT("name", 200), TERMS, MAY_TIME("ended"), {0}};
static const struct parameter INVOCATION[] = {ID("vendor"), TEXT("task", 1, 4000), MAY_TIME("asked"), {0}};
static const struct parameter INVOCATION_CHANGE[] = {MAY_TIME("responded"),
                                                     MAY_TIME("resolved"),
                                                     MAY_TEXT("result", 4000),
                                                     MAY_NUMBER("effort_minutes", 527040),
                                                     MAY_NUMBER("cost", 1000000000000),
                                                     {0}};
#define TLP       "CLEAR|GREEN|AMBER|AMBER+STRICT|RED"
#define REDACTION "none|internal|anonymous"
#define RECIPIENT                                                                                            \
    MAY_TEXT("forms", 500), MAY_TEXT("contact", 200), MAY_TEXT("phone", 100), MAY_TEXT("mail", 254),         \
        MAY_TEXT("address", 500), MAY_TEXT("note", 2000), MAY_TIME("verified")
static const struct parameter PARTNER[] = {TEXT("name", 1, 200),
                                           CHOICE("kind", "public_body|police|expert|peer|vendor"),
                                           CHOICE("tlp", TLP),
                                           MAY_CHOICE("redaction", REDACTION),
                                           RECIPIENT,
                                           {0}};
static const struct parameter PARTNER_CHANGE[] = {
    MAY_CHOICE("tlp", TLP), MAY_CHOICE("redaction", REDACTION), RECIPIENT, MAY_TIME("ended"), {0}};
static const struct parameter CONSULTATION[] = {ID("partner"),
                                                TEXT("assessment", 1, 4000),
                                                TEXT("plan", 1, 4000),
                                                TEXT("question", 1, 4000),
                                                CHOICE("tlp", TLP),
                                                MAY_CHOICE("redaction", REDACTION),
                                                MAY_TIME("asked"),
                                                MAY_TEXT("receipt", 200),
                                                {0}};
static const struct parameter CONSULTATION_CHANGE[] = {MAY_TEXT("receipt", 200),
                                                       MAY_TEXT("answer", 8000),
                                                       MAY_TIME("answered"),
                                                       MAY_CHOICE("adopted", "yes|partly|no"),
                                                       MAY_TEXT("reason", 4000),
                                                       {0}};
static const struct parameter SHARED[] = {ID("partner"),
                                          MAY_ID("incident"),
                                          CHOICE("direction", "given|received"),
                                          CHOICE("item", "indicators|sample|report|advice|other"),
                                          TEXT("description", 1, 4000),
                                          CHOICE("tlp", TLP),
                                          MAY_CHOICE("redaction", REDACTION),
                                          MAY_TEXT("receipt", 200),
                                          MAY_CHOICE("usefulness", "useful|partly|useless|unknown"),
                                          MAY_TIME("happened"),
                                          {0}};
static const struct parameter SHARED_CHANGE[] = {CHOICE("usefulness", "useful|partly|useless|unknown"), {0}};
static const struct parameter IMPROVEMENTS[] = {MAY_CHOICE("state", "all|open|late"),
                                                MAY_TEXT("kpi", 32),
                                                {0}};
static const struct parameter KPIS[] = {{"months", PARAMETER_INTEGER, false, 1, 60, NULL}, {0}};
static const struct parameter KPI[] = {MAY_TEXT("month", 7), {0}};
#define CATEGORY "known|mail|web|vulnerability|zero_day|targeted"
#define SECTIONS                                                                                             \
    MAY_TEXT("owner", 100), MAY_TEXT("purpose", 8000), MAY_TEXT("risks", 8000),                              \
        MAY_TEXT("alternatives", 8000), MAY_TEXT("adequacy", 8000), MAY_TEXT("residual", 8000),              \
        MAY_TEXT("acceptance_reason", 8000), MAY_TEXT("operation", 8000), MAY_ID("acceptance"),              \
        MAY_ID("action"), MAY_TIME("review_due")
static const struct parameter DOSSIER[] = {TEXT("title", 1, 300),
                                           CHOICE("category", CATEGORY),
                                           SECTIONS,
                                           {0}};
static const struct parameter DOSSIER_CHANGE[] = {MAY_TEXT("title", 300),
                                                  MAY_CHOICE("category", CATEGORY),
                                                  SECTIONS,
                                                  MAY_CHOICE("status", "operating|ended"),
                                                  MAY_TIME("introduced"),
                                                  {0}};
static const struct parameter DOSSIER_SUBMIT[] = {MAY_TIME("deadline"), {0}};
static const struct parameter LIBRARY_CASE[] = {MAY_TEXT("lesson", 8000), MAY_TEXT("failure", 8000), {0}};
static const struct parameter LIBRARY[] = {MAY_TEXT("q", 500), MAY_TEXT("type", 64), {0}};
static const struct parameter LIBRARY_FORMAT[] = {MAY_CHOICE("format", "whole|share"), {0}};
#define DOCUMENT_TERMS                                                                                       \
    MAY_TEXT("owner", 200), MAY_TEXT("version", 50), MAY_TEXT("approved_by", 200), MAY_TIME("approved"),     \
        MAY_TIME("review_due"), MAY_TEXT("location", 500), MAY_TEXT("note", 4000)
static const struct parameter DOCUMENT[] = {TEXT("kind", 1, 64), TEXT("title", 1, 300), DOCUMENT_TERMS, {0}};
static const struct parameter DOCUMENT_CHANGE[] = {MAY_TEXT("title", 300),
                                                   DOCUMENT_TERMS,
                                                   MAY_TIME("ended"),
                                                   {0}};
static const struct parameter ATTESTATION[] = {TEXT("item", 1, 64),
                                               MAY_TIME("checked"),
                                               {"is_good", PARAMETER_BOOLEAN, true, 0, 0, NULL},
                                               TEXT("result", 1, 4000),
                                               {0}};
static const struct parameter OPEN_OR_ALL[] = {MAY_CHOICE("state", "open|all"), {0}};
static const struct parameter CHANNEL_TEST[] = {TEXT("channel", 1, 64), MAY_TEXT("recipient", 254), {0}};

static const enum casework_question QUESTIONS[] = {
#define CASEWORK(constant, ...) CASEWORK_##constant,
#include "console/work_routes.def"
#undef CASEWORK
};

/* Path values are numbers, but the names of block lists, key figures and connectors. */
static bool read_path(struct request *r, struct casework_request *request)
{
    bool is_name = request->what == CASEWORK_BLOCKLIST || request->what == CASEWORK_KPI ||
                   request->what == CASEWORK_CONNECTOR_TEST;
    request->name = r->path_values[0];
    if (is_name || r->path_values[0].n == 0)
        return true;
    if (str_to_u64(r->path_values[0], 10, &request->id) &&
        (r->path_values[1].n == 0 || str_to_u64(r->path_values[1], 10, &request->item)))
        return true;
    reply_problem(r, PROBLEM_NOT_FOUND, STR("Identifiers are whole numbers."), STR("識別子は整数です。"));
    return false;
}

/* On disk before anything is entered about it. */
static bool end_file(struct request *r, struct console_upload *file)
{
    struct error err;
    if (r->upload == NULL || upload_end(r->upload, file, &err))
        return true;
    reply_problem(r, PROBLEM_DISK_FULL, str_c(err.text), str_c(err.text));
    return false;
}

static void answer(struct request *r)
{
    struct console_failure failure = failure_none();
    struct casework_answer out = {.status = 200};
    struct console_upload file;
    bool has_members = r->route->members != NULL;
    struct casework_request request = {.what = QUESTIONS[r->route - work_routes.routes],
                                       .names = has_members ? r->route->members : r->route->query,
                                       .values = has_members ? r->members : r->query,
                                       .viewer = request_viewer(r)};
    if (!read_path(r, &request) || !end_file(r, &file))
        return;
    request.upload = r->upload ? &file : NULL;
    if (r->services->casework == NULL)
        reply_problem(r, PROBLEM_NOT_FOUND, STR("This server does not offer that."),
                      STR("このサーバーでは利用できません。"));
    else if (!r->services->casework(r->services->ctx, &request, &r->arena, &out, &failure))
        reply_failure(r, &failure);
    else if (out.status == 204)
        reply_nothing(r, 204);
    else if (out.file)
        reply_attachment(r, out.file, out.file_bytes, out.file_name);
    else if (out.content_type != NULL)
        buf_add(reply_text(r, out.status, out.content_type), buf_str(&out.body));
    else
        buf_add(reply_json(r, out.status), buf_str(&out.body));
    buf_free(&out.body);
}

static const struct route ROUTES[] = {
#define CASEWORK(constant, method, pattern, permission, query, members, audit)                               \
    {METHOD_##method, pattern, answer, RUN_WORKER, permission, 0, query, members, audit},
#define CASEWORK_FILE(constant, method, pattern, permission, query, members, audit)                          \
    {METHOD_##method, pattern, answer, RUN_WORKER, permission, ROUTE_FILE_BODY, query, members, audit},
#include "console/work_routes.def"
#undef CASEWORK
};
const struct route_table work_routes = {ROUTES, COUNT_OF(ROUTES)};

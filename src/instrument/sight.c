/* An event → what instruments look at (stage instrument): one walk through its values. Vendors' differences
 * are over by now; ECS fields and what enrich/ added are all there is. Next: the instruments that want it. */
#include "instrument/sight.h"

#include "base/domain.h"

/* What single values say before they are weighed together. */
struct notes {
    bool is_failure, is_denied, is_allowed, is_start, is_alert, is_email, is_process, is_detection,
        is_authentication, is_file, is_malware, is_admission, is_icmp, is_signed, is_unsigned;
    struct str direction, observer_type, user, source_user, registered_host, file_hash, process_hash,
        tls_name, url_domain, url, destination_domain;
    int64_t packets_in, packets_out, server_port, web_status;
};

static void note_word(struct str word, uint32_t *bits, const struct str *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(word, words[i]))
            *bits |= 1u << i;
}

static void note_role(struct sight *s, struct str role)
{
    static const struct {
        struct str word;
        uint32_t roles;
    } words[] = {
        {STR("mail-server"), ROLE_MAIL_SERVER | ROLE_SERVER},
        {STR("mail-relay"), ROLE_MAIL_SERVER | ROLE_SERVER},
        {STR("mail-gateway"), ROLE_MAIL_SERVER | ROLE_SERVER},
        {STR("mta"), ROLE_MAIL_SERVER | ROLE_SERVER},
        {STR("dns-server"), ROLE_DNS_SERVER | ROLE_SERVER},
        {STR("domain-controller"), ROLE_DNS_SERVER | ROLE_SERVER}, /* asks for its clients */
        {STR("proxy"), ROLE_PROXY},
        {STR("scanner"), ROLE_SCANNER},
        {STR("av-manager"), ROLE_AV_MANAGER},
        {STR("server"), ROLE_SERVER},
        {STR("administrator"), ROLE_ADMINISTRATOR},
        {STR("laptop"), ROLE_LAPTOP},
        {STR("monitoring"), ROLE_MONITORING},
        {STR("monitoring-server"), ROLE_MONITORING},
        {STR("software-distribution"), ROLE_DISTRIBUTION},
        {STR("distribution-server"), ROLE_DISTRIBUTION},
        {STR("update-server"), ROLE_DISTRIBUTION},
        {STR("backup-server"), ROLE_BACKUP},
    };
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_eq(role, words[i].word))
            s->roles |= words[i].roles;
    if (str_ends(role, STR("-server")))
        s->roles |= ROLE_SERVER;
}

static void note_exception(struct sight *s, struct str kind)
{
    static const struct str words[] = {STR("scanner"),     STR("smtp"),      STR("dns"),
                                       STR("application"), STR("listening"), STR("destination"),
                                       STR("change"),      STR("backup")};
    note_word(kind, &s->exceptions, words, COUNT_OF(words));
}

static void note_type(struct sight *s, struct notes *n, struct str type)
{
    n->is_denied |= str_eq(type, STR("denied"));
    n->is_allowed |= str_eq(type, STR("allowed"));
    n->is_start |= str_eq(type, STR("start"));
    s->is_change |= str_eq(type, STR("change"));
    s->is_creation |= str_eq(type, STR("creation"));
    s->is_deletion |= str_eq(type, STR("deletion"));
}

static void note_category(struct notes *n, struct str category)
{
    n->is_email |= str_eq(category, STR("email"));
    n->is_process |= str_eq(category, STR("process"));
    n->is_detection |= str_eq(category, STR("intrusion_detection"));
    n->is_authentication |= str_eq(category, STR("authentication"));
    n->is_file |= str_eq(category, STR("file"));
    n->is_malware |= str_eq(category, STR("malware"));
}

static void note_end(struct end *end, struct str text)
{
    end->text = text;
    end->is_known = ip_parse(text, &end->ip);
}

/* Texts that are taken over as they are. Several fields may fill one place: of those that say `is_second`,
 * the first to come, and only when nothing better does. */
struct text_place {
    uint16_t at;
    bool is_taken, is_of_notes, is_second;
};
#define SIGHT(member)                                                                                        \
    {                                                                                                        \
        offsetof(struct sight, member), true, false, false                                                   \
    }
#define SECOND(member)                                                                                       \
    {                                                                                                        \
        offsetof(struct sight, member), true, false, true                                                    \
    }
#define NOTE(member)                                                                                         \
    {                                                                                                        \
        offsetof(struct notes, member), true, true, false                                                    \
    }
static const struct text_place text_places[FIELD_STATIC_COUNT] = {
    [FIELD_DESTINATION_DOMAIN] = NOTE(destination_domain),
    [FIELD_DNS_QUESTION_NAME] = SIGHT(domain),
    [FIELD_DNS_QUESTION_TYPE] = SIGHT(question_type),
    [FIELD_DNS_RESPONSE_CODE] = SIGHT(response_code),
    [FIELD_EVENT_ACTION] = SIGHT(action),
    [FIELD_EVENT_DATASET] = SIGHT(dataset),
    [FIELD_EVENT_REASON] = SIGHT(reason),
    [FIELD_FILE_CODE_SIGNATURE_SUBJECT_NAME] = SECOND(signer),
    [FIELD_FILE_EXTENSION] = SIGHT(file_extension),
    [FIELD_FILE_HASH_SHA256] = NOTE(file_hash),
    [FIELD_FILE_PATH] = SIGHT(file_path),
    [FIELD_FILE_TARGET_PATH] = SIGHT(file_target),
    [FIELD_FILE_X509_SUBJECT_ORGANIZATION] = SECOND(signer),
    [FIELD_HOST_IP] = SECOND(host_ip),
    [FIELD_HOST_NAME] = SIGHT(host_name),
    [FIELD_HYAKUYO_ASSET_TYPE] = SIGHT(asset_type),
    [FIELD_HYAKUYO_CONTROL_REALTIME] = SIGHT(control_realtime),
    [FIELD_HYAKUYO_CONTROL_STATE] = SIGHT(control_state),
    [FIELD_HYAKUYO_DEPARTMENT] = SIGHT(department),
    [FIELD_HYAKUYO_DESTINATION_DEPARTMENT] = SIGHT(destination.department),
    [FIELD_HYAKUYO_DESTINATION_HOST] = SIGHT(destination.name),
    [FIELD_HYAKUYO_DESTINATION_ZONE] = SIGHT(destination.zone),
    [FIELD_HYAKUYO_DIRECTION] = NOTE(direction),
    [FIELD_HYAKUYO_FILE_SHARE] = SIGHT(file_share),
    [FIELD_HYAKUYO_FILE_WINDOW] = SIGHT(file_window),
    [FIELD_HYAKUYO_LAUNCH_LIST] = SIGHT(list),
    [FIELD_HYAKUYO_MALWARE_FAMILY] = SIGHT(family),
    [FIELD_HYAKUYO_MALWARE_NAME] = SIGHT(malware),
    [FIELD_HYAKUYO_PORT_BANNER] = SIGHT(port_banner),
    [FIELD_HYAKUYO_PORT_COVERAGE] = SIGHT(port_coverage),
    [FIELD_HYAKUYO_PORT_SCAN_ID] = SIGHT(port_scan_id),
    [FIELD_HYAKUYO_SCAN_EXTENT] = SIGHT(scan_extent),
    [FIELD_HYAKUYO_SCAN_STATE] = SIGHT(scan_state),
    [FIELD_HYAKUYO_SCAN_TYPE] = SIGHT(control_scan),
    [FIELD_HYAKUYO_SOURCE_DEPARTMENT] = SIGHT(source.department),
    [FIELD_HYAKUYO_SOURCE_HOST] = NOTE(registered_host),
    [FIELD_HYAKUYO_SOURCE_ZONE] = SIGHT(source.zone),
    [FIELD_NETWORK_APPLICATION] = SECOND(application),
    [FIELD_NETWORK_PROTOCOL] = SIGHT(application),
    [FIELD_OBSERVER_TYPE] = NOTE(observer_type),
    [FIELD_PROCESS_CODE_SIGNATURE_SUBJECT_NAME] = SIGHT(signer),
    [FIELD_PROCESS_COMMAND_LINE] = SIGHT(command_line),
    [FIELD_PROCESS_EXECUTABLE] = SIGHT(program),
    [FIELD_PROCESS_HASH_SHA256] = NOTE(process_hash),
    [FIELD_PROCESS_NAME] = SECOND(program),
    [FIELD_PROCESS_PARENT_EXECUTABLE] = SIGHT(parent),
    [FIELD_PROCESS_PARENT_NAME] = SECOND(parent),
    [FIELD_RULE_CATEGORY] = SIGHT(category),
    [FIELD_RULE_ID] = SIGHT(signature_id),
    [FIELD_RULE_NAME] = SIGHT(signature),
    [FIELD_SERVICE_NAME] = SIGHT(service),
    [FIELD_SOURCE_USER_NAME] = NOTE(source_user),
    [FIELD_TLS_CLIENT_SERVER_NAME] = NOTE(tls_name),
    [FIELD_URL_DOMAIN] = NOTE(url_domain),
    [FIELD_URL_ORIGINAL] = NOTE(url),
    [FIELD_USER_NAME] = NOTE(user),
};
#undef SIGHT
#undef SECOND
#undef NOTE

/* Texts that have to be read. */
static void note_word_of(struct sight *s, struct notes *n, field_id field, struct str text)
{
    switch (field) {
    case FIELD_SOURCE_IP:
        note_end(&s->source, text);
        break;
    case FIELD_DESTINATION_IP:
        note_end(&s->destination, text);
        break;
    case FIELD_EVENT_TYPE:
        note_type(s, n, text);
        break;
    case FIELD_EVENT_CATEGORY:
        note_category(n, text);
        break;
    case FIELD_EVENT_KIND:
        n->is_alert = str_eq(text, STR("alert"));
        break;
    case FIELD_EVENT_OUTCOME:
        n->is_failure = str_eq(text, STR("failure"));
        break;
    case FIELD_NETWORK_TRANSPORT:
        s->protocol = str_eq(text, STR("tcp")) ? 6 : str_eq(text, STR("udp")) ? 17 : s->protocol;
        n->is_icmp |= str_eq(text, STR("icmp")) || str_eq(text, STR("ipv6-icmp"));
        break;
    case FIELD_HYAKUYO_ASSET_ROLE:
        note_role(s, text);
        break;
    case FIELD_HYAKUYO_EXCEPTION:
        note_exception(s, text);
        break;
    default:
        break;
    }
}

static void note_text(struct sight *s, struct notes *n, field_id field, struct str text)
{
    const struct text_place *p = field < FIELD_STATIC_COUNT ? &text_places[field] : NULL;
    if (p == NULL || !p->is_taken) {
        note_word_of(s, n, field, text);
        return;
    }
    struct str *to = (struct str *)(void *)((char *)(p->is_of_notes ? (void *)n : (void *)s) + p->at);
    if (!p->is_second || to->n == 0)
        *to = text;
}

static void note_number(struct sight *s, struct notes *n, field_id field, int64_t number)
{
    switch (field) {
    case FIELD_DESTINATION_PORT:
        s->port = number > 0 && number < 65536 ? (uint16_t)number : 0;
        break;
    case FIELD_SOURCE_BYTES:
        s->bytes_out = number;
        break;
    case FIELD_DESTINATION_BYTES:
        s->bytes_in = number;
        break;
    case FIELD_HTTP_RESPONSE_STATUS_CODE:
        n->web_status = number;
        break;
    case FIELD_DESTINATION_PACKETS:
        n->packets_in = number;
        break;
    case FIELD_SOURCE_PACKETS:
        n->packets_out = number;
        break;
    case FIELD_EVENT_DURATION:
        s->duration_ns = number;
        break;
    case FIELD_HYAKUYO_SENSOR:
        s->is_sensor = number != 0;
        break;
    case FIELD_HYAKUYO_FILE_COUNT:
        s->file_count = number;
        break;
    case FIELD_SERVER_PORT:
        n->server_port = number;
        break;
    case FIELD_HYAKUYO_PORT_CONFIRMED:
        s->port_confirmed = number != 0;
        break;
    case FIELD_PROCESS_PID:
        s->process_id = number;
        break;
    case FIELD_PROCESS_CODE_SIGNATURE_EXISTS:
    case FIELD_PROCESS_CODE_SIGNATURE_VALID:
    case FIELD_PROCESS_CODE_SIGNATURE_TRUSTED:
        n->is_unsigned |= number == 0;
        n->is_signed |= number != 0;
        break;
    default:
        break;
    }
}

static void read_values(struct sight *s, struct notes *n, const struct event *e)
{
    for (const struct value *v = e->values, *end = v + e->count; v < end; v++) {
        enum value_type type = (enum value_type)v->type;
        if (type == TYPE_KEYWORD || type == TYPE_TEXT || type == TYPE_IP)
            note_text(s, n, v->field, value_text(v));
        else if (type == TYPE_LONG || type == TYPE_BOOL)
            note_number(s, n, v->field, v->number);
    }
}

/* ------------------------------------------------------------------ who */

/* The inventory's word when it has one; without an inventory, private addresses are ours. */
static void find_sides(struct sight *s, const struct notes *n)
{
    if (n->direction.n) {
        bool outbound = str_eq(n->direction, STR("outbound")),
             internal = str_eq(n->direction, STR("internal")), inbound = str_eq(n->direction, STR("inbound"));
        s->source.is_inside = outbound || internal;
        s->destination.is_inside = inbound || internal;
        return;
    }
    s->source.is_inside = s->source.is_known &&
                          (ip_is_private(&s->source.ip) || n->registered_host.n || s->source.department.n);
    s->destination.is_inside = s->destination.is_known && ip_is_private(&s->destination.ip);
}

/* A verdict, a launch or an admission is about the host it speaks of; a communication about its inside
 * source. */
static void find_actor(struct sight *s, const struct notes *n, struct arena *a)
{
    const uint32_t of_host = SIGHT_PROCESS | SIGHT_MALWARE | SIGHT_ADMISSION | SIGHT_FILE | SIGHT_SERVICE |
                             SIGHT_PORTS | SIGHT_CONTROL;
    bool has_host = s->host_name.n || s->host_ip.n;
    if (s->source.is_inside && !(has_host && (s->kinds & of_host))) {
        s->ip = s->source.text;
        s->name = n->registered_host;
        if (s->name.n == 0 && str_eq(s->host_ip, s->ip))
            s->name = s->host_name;
    } else if (has_host) {
        s->ip = s->host_ip;
        s->name = s->host_name;
        if (s->source.is_inside && str_eq(s->host_ip, s->source.text) && n->registered_host.n)
            s->name = n->registered_host;
    }
    s->user = n->source_user.n ? n->source_user : n->user;
    if (s->source.is_inside && s->department.n == 0)
        s->department = s->source.department;
    bool is_registered = n->registered_host.n || s->roles || s->asset_type.n;
    if (s->name.n && (is_registered || s->ip.n == 0))
        s->key = arena_lower(a, s->name);
    else
        s->key = s->ip;
}

/* ----------------------------------------------------------------- what */

#define RESET_BYTES 80 /* one TCP packet of no more than this from the other side is a reset */

/* "Not found" is an answer of the server that was asked. 502 to 504 are what a gateway says when none came.
 */
static bool is_served(const struct notes *n)
{
    return n->web_status >= 200 && n->web_status < 600 && !(n->web_status >= 502 && n->web_status <= 504);
}

static void find_answer(struct sight *s, const struct notes *n)
{
    s->passage = n->is_denied ? PASSAGE_DENIED : n->is_allowed ? PASSAGE_ALLOWED : PASSAGE_UNKNOWN;
    bool is_reset = s->protocol == 6 && n->packets_in == 1 && s->bytes_in <= RESET_BYTES;
    if (!n->is_denied && is_served(n))
        s->answer = ANSWER_YES;
    else if (n->is_denied || (n->is_failure && !n->is_authentication) || s->bytes_in == 0 || is_reset)
        s->answer = ANSWER_NO;
    else if (s->bytes_in > 0)
        s->answer = ANSWER_YES;
}

/* The network's size is not known here: the last address of the source's own /24 is one for all, over UDP. */
static bool is_to_all(const struct sight *s)
{
    const uint8_t *from = s->source.ip.bytes + 12, *to = s->destination.ip.bytes + 12;
    if (!s->destination.is_known)
        return false;
    if (!ip_is_v4(&s->destination.ip))
        return s->destination.ip.bytes[0] == 0xff;
    return (to[0] >= 224 && to[0] < 240) || (to[0] == 255 && to[1] == 255 && to[2] == 255 && to[3] == 255) ||
           (to[3] == 255 && s->protocol == 17 && s->source.is_known && ip_is_v4(&s->source.ip) &&
            memcmp(from, to, 3) == 0);
}

static void find_kinds(struct sight *s, const struct notes *n)
{
    uint32_t kinds = 0;
    bool is_signature = n->is_alert && (n->is_detection || s->signature.n) && s->malware.n == 0;
    if (is_signature)
        kinds |= SIGHT_ALERT;
    if (s->domain.n)
        kinds |= SIGHT_DNS;
    else if (s->source.is_known && (s->destination.is_known || n->url_domain.n) && !n->is_alert)
        kinds |= SIGHT_FLOW;
    if (!is_signature && s->domain.n == 0 && (n->url_domain.n || n->url.n))
        kinds |= SIGHT_WEB;
    if (n->tls_name.n)
        kinds |= SIGHT_TLS;
    if (n->is_email)
        kinds |= SIGHT_MAIL;
    if (n->is_process && n->is_start && s->program.n)
        kinds |= SIGHT_PROCESS;
    if (s->malware.n || (n->is_malware && n->is_alert))
        kinds |= SIGHT_MALWARE;
    if (str_eq(n->observer_type, STR("nac")))
        kinds |= SIGHT_ADMISSION;
    if (n->is_file && !n->is_malware)
        kinds |= SIGHT_FILE;
    if (n->is_authentication)
        kinds |= SIGHT_LOGON;
    if (str_eq(s->application, STR("irc")))
        kinds |= SIGHT_IRC;
    if (n->is_icmp)
        kinds |= SIGHT_ICMP;
    if (s->service.n && (s->is_creation || str_eq(s->action, STR("service-installed"))))
        kinds |= SIGHT_SERVICE;
    if (str_eq(s->dataset, STR("hyakuyo.port_scan"))) {
        kinds |= SIGHT_PORTS;
        s->port = n->server_port > 0 && n->server_port < 65536 ? (uint16_t)n->server_port : 0;
    }
    if (s->control_realtime.n || s->control_state.n || s->control_scan.n || s->scan_state.n)
        kinds |= SIGHT_CONTROL;
    s->kinds = kinds;
}

static void find_domain(struct sight *s, const struct notes *n, struct arena *a)
{
    if (s->domain.n == 0)
        s->domain = n->url_domain.n ? n->url_domain : n->tls_name.n ? n->tls_name : n->destination_domain;
    if (s->domain.n == 0)
        return;
    for (size_t i = 0; i < s->domain.n; i++)
        if (s->domain.p[i] >= 'A' && s->domain.p[i] <= 'Z') {
            s->domain = arena_lower(a, s->domain);
            break;
        }
    s->registered_domain = domain_registered(s->domain);
}

bool sight_fill(struct sight *s, const struct event *e, struct arena *a)
{
    struct notes n = {.packets_in = -1, .packets_out = -1};
    if (e->flags & (EVENT_PARSE_FAILURE | EVENT_CANARY | EVENT_EXERCISE))
        return false;
    *s = (struct sight){.event = e,
                        .time_ns = e->time_ns,
                        .bytes_out = -1,
                        .bytes_in = -1,
                        .duration_ns = -1,
                        .process_id = -1,
                        .file_count = -1};
    read_values(s, &n, e);
    if (n.is_icmp)
        s->protocol = 1;
    s->source.name = n.registered_host;
    s->signature_state = n.is_unsigned ? SIGNED_NO : n.is_signed ? SIGNED_YES : SIGNED_UNKNOWN;
    find_sides(s, &n);
    find_kinds(s, &n);
    if (s->kinds == 0)
        return false;
    s->sha256 = n.process_hash.n ? n.process_hash : n.file_hash;
    s->is_backscatter = n.packets_out == 0 && n.packets_in > 0;
    s->is_broadcast = is_to_all(s);
    find_answer(s, &n);
    find_actor(s, &n, a);
    find_domain(s, &n, a);
    s->key_hash = str_hash(s->key);
    s->registered_hash = str_hash(s->registered_domain);
    s->destination_hash = str_hash(s->destination.text);
    return true;
}

bool sight_is_duty(const struct sight *s)
{
    bool is_mail = s->port == 25 || s->port == 465 || s->port == 587;
    return s->roles & ROLE_MONITORING || (s->roles & ROLE_MAIL_SERVER && is_mail);
}

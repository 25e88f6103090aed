/* What follows from other fields, once for all parsers. Stage: normalise. Reads and fills the well-known
 * slots; never replaces what a parser has set. Next: community_id.c. */
#include "base/ip.h"
#include "normalise/community_id.h"
#include "normalise/run.h"

static const struct {
    struct str name;
    uint8_t number;
} transports[] = {
    {{"tcp", 3}, 6},       {{"udp", 3}, 17},     {{"icmp", 4}, 1},   {{"ipv6-icmp", 9}, 58},
    {{"igmp", 4}, 2},      {{"gre", 3}, 47},     {{"esp", 3}, 50},   {{"ah", 2}, 51},
    {{"sctp", 4}, 132},    {{"ospf", 4}, 89},    {{"pim", 3}, 103},  {{"ipip", 4}, 4},
    {{"egp", 3}, 8},       {{"igp", 3}, 9},      {{"ipv6", 4}, 41},  {{"rsvp", 4}, 46},
    {{"eigrp", 5}, 88},    {{"vrrp", 4}, 112},   {{"l2tp", 4}, 115}, {{"dccp", 4}, 33},
    {{"udplite", 7}, 136}, {{"etherip", 7}, 97}, {{"hopopt", 6}, 0},
};
static const struct {
    struct str alias;
    uint8_t number;
} transport_aliases[] = {{{"icmp6", 5}, 58}, {{"icmpv6", 6}, 58}, {{"ipv4", 4}, 4}, {{"ospfigp", 7}, 89}};

static void copy_if_unset(struct run *r, slot_id from, slot_id to)
{
    if (slot_is_set(r, from) && !slot_is_set(r, to))
        slot_set(r, to, slot_text(r, from));
}

/* Addresses -------- */

/* A name where an address was expected goes where names belong. */
static bool address_of(struct run *r, slot_id slot, struct ip *ip)
{
    if (!slot_is_set(r, slot))
        return false;
    struct str text = slot_text(r, slot);
    if (ip_parse(text, ip))
        return true;
    slot_id twin = r->parser->slots[slot].address_twin;
    slot_unset(r, slot);
    if (twin != SLOT_NONE && !slot_is_set(r, twin))
        slot_set(r, twin, text);
    return false;
}

static void copy_sides(struct run *r, const slot_id (*pairs)[2], size_t count)
{
    for (size_t i = 0; i < count; i++)
        copy_if_unset(r, pairs[i][0], pairs[i][1]);
}

static void derive_sides(struct run *r)
{
    static const slot_id forward[][2] = {{SLOT_SOURCE_IP, SLOT_CLIENT_IP},
                                         {SLOT_SOURCE_PORT, SLOT_CLIENT_PORT},
                                         {SLOT_SOURCE_DOMAIN, SLOT_CLIENT_DOMAIN},
                                         {SLOT_SOURCE_BYTES, SLOT_CLIENT_BYTES},
                                         {SLOT_SOURCE_MAC, SLOT_CLIENT_MAC},
                                         {SLOT_SOURCE_ADDRESS, SLOT_CLIENT_ADDRESS},
                                         {SLOT_SOURCE_PACKETS, SLOT_CLIENT_PACKETS},
                                         {SLOT_SOURCE_USER, SLOT_CLIENT_USER},
                                         {SLOT_DESTINATION_IP, SLOT_SERVER_IP},
                                         {SLOT_DESTINATION_PORT, SLOT_SERVER_PORT},
                                         {SLOT_DESTINATION_DOMAIN, SLOT_SERVER_DOMAIN},
                                         {SLOT_DESTINATION_BYTES, SLOT_SERVER_BYTES},
                                         {SLOT_DESTINATION_MAC, SLOT_SERVER_MAC},
                                         {SLOT_DESTINATION_ADDRESS, SLOT_SERVER_ADDRESS},
                                         {SLOT_DESTINATION_PACKETS, SLOT_SERVER_PACKETS},
                                         {SLOT_DESTINATION_USER, SLOT_SERVER_USER}};
    if (r->parser->derive & DERIVE_CLIENT_SERVER)
        copy_sides(r, forward, COUNT_OF(forward));
    if (r->parser->derive & DERIVE_SOURCE_DESTINATION)
        for (size_t i = 0; i < COUNT_OF(forward); i++)
            copy_if_unset(r, forward[i][1], forward[i][0]);
}

/* Network -------- */

static void set_transport(struct run *r, int64_t number)
{
    for (size_t i = 0; i < COUNT_OF(transports); i++)
        if (transports[i].number == number) {
            slot_set(r, SLOT_NETWORK_TRANSPORT, transports[i].name);
            return;
        }
}

static int transport_number(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(transports); i++)
        if (str_eq_nocase(name, transports[i].name))
            return transports[i].number;
    for (size_t i = 0; i < COUNT_OF(transport_aliases); i++)
        if (str_eq_nocase(name, transport_aliases[i].alias))
            return transport_aliases[i].number;
    return -1;
}

/* Name and number of the transport follow from each other; a number where the name belongs is put right. */
static int derive_transport(struct run *r)
{
    int64_t number;
    struct str name = slot_text(r, SLOT_NETWORK_TRANSPORT);
    if (!name.p) {
        if (!slot_number(r, SLOT_NETWORK_IANA, &number) || number < 0 || number > 255)
            return -1;
        set_transport(r, number);
        return (int)number;
    }
    if (str_to_i64(name, &number)) {
        if (number < 0 || number > 255)
            return -1;
        copy_if_unset(r, SLOT_NETWORK_TRANSPORT, SLOT_NETWORK_IANA);
        set_transport(r, number);
        return (int)number;
    }
    int known = transport_number(name);
    if (known < 0) {
        slot_set(r, SLOT_NETWORK_TRANSPORT, arena_lower(r->arena, name));
        return -1;
    }
    set_transport(r, known);
    if (!slot_is_set(r, SLOT_NETWORK_IANA))
        slot_set_number(r, SLOT_NETWORK_IANA, known);
    return known;
}

static void derive_sum(struct run *r, slot_id a, slot_id b, slot_id sum)
{
    int64_t x, y, total;
    if (!slot_is_set(r, sum) && slot_number(r, a, &x) && slot_number(r, b, &y) &&
        !__builtin_add_overflow(x, y, &total))
        slot_set_number(r, sum, total);
}

static bool port_of(struct run *r, slot_id slot, uint16_t *port)
{
    int64_t n;
    if (!slot_number(r, slot, &n) || n < 0 || n > 65535)
        return false;
    *port = (uint16_t)n;
    return true;
}

static void derive_community_id(struct run *r, const struct ip *source, const struct ip *destination,
                                int protocol)
{
    struct flow flow = {.source = *source, .destination = *destination, .protocol = (uint8_t)protocol};
    bool has_ports;
    if (protocol == 1 || protocol == 58)
        has_ports = port_of(r, SLOT_ICMP_TYPE, &flow.source_port) &&
                    port_of(r, SLOT_ICMP_CODE, &flow.destination_port);
    else if (protocol == 6 || protocol == 17 || protocol == 132)
        has_ports = port_of(r, SLOT_SOURCE_PORT, &flow.source_port) &&
                    port_of(r, SLOT_DESTINATION_PORT, &flow.destination_port);
    else
        return;
    if (!has_ports)
        return;
    char *text = arena_alloc(r->arena, COMMUNITY_ID_LENGTH);
    community_id(&flow, text);
    slot_set(r, SLOT_NETWORK_COMMUNITY_ID, str_n(text, COMMUNITY_ID_LENGTH));
}

static void derive_direction(struct run *r, const struct ip *source, const struct ip *destination)
{
    static const struct str directions[2][2] = {{{"internal", 8}, {"outbound", 8}},
                                                {{"inbound", 7}, {"external", 8}}};
    if ((r->parser->derive & DERIVE_DIRECTION) && !slot_is_set(r, SLOT_NETWORK_DIRECTION))
        slot_set(r, SLOT_NETWORK_DIRECTION, directions[!ip_is_private(source)][!ip_is_private(destination)]);
}

static void derive_network(struct run *r)
{
    struct ip source, destination, other;
    bool has_source = address_of(r, SLOT_SOURCE_IP, &source),
         has_destination = address_of(r, SLOT_DESTINATION_IP, &destination);
    address_of(r, SLOT_CLIENT_IP, &other);
    address_of(r, SLOT_SERVER_IP, &other);
    int protocol = derive_transport(r);
    if (has_source && has_destination && !slot_is_set(r, SLOT_NETWORK_TYPE))
        slot_set(r, SLOT_NETWORK_TYPE, ip_is_v4(&source) ? STR("ipv4") : STR("ipv6"));
    if (has_source && has_destination && protocol >= 0 && !slot_is_set(r, SLOT_NETWORK_COMMUNITY_ID))
        derive_community_id(r, &source, &destination, protocol);
    if (has_source && has_destination)
        derive_direction(r, &source, &destination);
    derive_sum(r, SLOT_SOURCE_BYTES, SLOT_DESTINATION_BYTES, SLOT_NETWORK_BYTES);
    derive_sum(r, SLOT_SOURCE_PACKETS, SLOT_DESTINATION_PACKETS, SLOT_NETWORK_PACKETS);
    derive_sides(r);
}

/* Paths, hosts, users -------- */

static size_t last_slash(struct str s)
{
    for (size_t i = s.n; i-- > 0;)
        if (s.p[i] == '/' || s.p[i] == '\\')
            return i;
    return STR_NOT_FOUND;
}

static void derive_basename(struct run *r, slot_id path, slot_id name)
{
    if (!slot_is_set(r, path) || slot_is_set(r, name))
        return;
    struct str text = slot_text(r, path);
    size_t slash = last_slash(text);
    struct str base = slash == STR_NOT_FOUND ? text : str_skip(text, slash + 1);
    if (base.n)
        slot_set(r, name, base);
}

static void derive_file(struct run *r)
{
    derive_basename(r, SLOT_FILE_PATH, SLOT_FILE_NAME);
    struct str path = slot_text(r, SLOT_FILE_PATH);
    size_t slash = path.p ? last_slash(path) : STR_NOT_FOUND;
    if (slash != STR_NOT_FOUND && slash > 0 && !slot_is_set(r, SLOT_FILE_DIRECTORY))
        slot_set(r, SLOT_FILE_DIRECTORY, str_slice(path, 0, slash));
    if (!slot_is_set(r, SLOT_FILE_NAME) || slot_is_set(r, SLOT_FILE_EXTENSION))
        return;
    struct str name = slot_text(r, SLOT_FILE_NAME);
    size_t dot = str_find_last_char(name, '.');
    if (dot != STR_NOT_FOUND && dot > 0 && dot + 1 < name.n && name.n - dot <= 17 &&
        last_slash(str_skip(name, dot)) == STR_NOT_FOUND && str_find_char(name, ' ', dot) == STR_NOT_FOUND)
        slot_set(r, SLOT_FILE_EXTENSION, str_skip(name, dot + 1));
}

/* DOMAIN\user and user@domain. */
static void derive_user(struct run *r)
{
    struct str user = slot_text(r, SLOT_USER_NAME);
    if (!(r->parser->derive & DERIVE_USER_DOMAIN) || !user.p)
        return;
    size_t slash = str_find_char(user, '\\', 0), at = str_find_last_char(user, '@');
    struct str domain = STR_EMPTY, name = user;
    if (slash != STR_NOT_FOUND) {
        domain = str_slice(user, 0, slash);
        name = str_skip(user, slash + 1);
    } else if (at != STR_NOT_FOUND) {
        domain = str_skip(user, at + 1);
        name = str_slice(user, 0, at);
    }
    if (!domain.n || !name.n)
        return;
    slot_set(r, SLOT_USER_NAME, name);
    if (!slot_is_set(r, SLOT_USER_DOMAIN))
        slot_set(r, SLOT_USER_DOMAIN, domain);
}

void run_derive(struct run *r)
{
    derive_network(r);
    if (!(r->parser->derive & DERIVE_NO_URL))
        run_url(r, slot_is_set(r, SLOT_URL_ORIGINAL) ? slot_text(r, SLOT_URL_ORIGINAL)
                                                     : slot_text(r, SLOT_URL_FULL));
    derive_basename(r, SLOT_PROCESS_EXECUTABLE, SLOT_PROCESS_NAME);
    derive_basename(r, SLOT_PARENT_EXECUTABLE, SLOT_PARENT_NAME);
    derive_file(r);
    derive_user(r);
    if (!(r->parser->derive & DERIVE_NO_HOST))
        copy_if_unset(r, SLOT_HOST_HOSTNAME, SLOT_HOST_NAME);
    if (!slot_is_set(r, SLOT_EVENT_KIND))
        slot_set(r, SLOT_EVENT_KIND, STR("event"));
}

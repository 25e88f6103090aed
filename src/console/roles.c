/* Roles and the permissions they carry, as one table. Stage: console. Read by auth.c (who is asking) and
 * http.c (what the route needs). Next: auth.c. */
#include "console/roles.h"

#include "base/json.h"
#include "base/memory.h"

static const struct {
    const char *name;
    unsigned role;
    unsigned permissions;
} ROLES[] = {
    {"analyst", ROLE_ANALYST,
     MAY_USE_OWN_SESSION | MAY_SEE_STATUS | MAY_SEARCH | MAY_SEE_INCIDENTS | MAY_WORK_INCIDENTS |
         MAY_SEE_SOURCES | MAY_SEE_RULES | MAY_SEE_METRICS | MAY_SEE_PERSONS | MAY_PROPOSE | MAY_APPROVE},
    {"lead", ROLE_LEAD,
     MAY_USE_OWN_SESSION | MAY_SEE_STATUS | MAY_SEARCH | MAY_SEE_INCIDENTS | MAY_WORK_INCIDENTS |
         MAY_SEE_SOURCES | MAY_MANAGE_SOURCES | MAY_SEE_RULES | MAY_MANAGE_RULES | MAY_SEE_METRICS |
         MAY_SEE_PERSONS | MAY_SEE_RECORD | MAY_PROPOSE | MAY_APPROVE},
    /* the help desk talks to the user of the PC, so it must know who that is, but it does not read logs */
    {"helpdesk", ROLE_HELPDESK,
     MAY_USE_OWN_SESSION | MAY_SEE_STATUS | MAY_SEE_INCIDENTS | MAY_WORK_INCIDENTS | MAY_SEE_PERSONS |
         MAY_PROPOSE},
    {"department", ROLE_DEPARTMENT,
     MAY_USE_OWN_SESSION | MAY_SEE_STATUS | MAY_SEE_INCIDENTS | MAY_PROPOSE | MAY_APPROVE},
    {"approver", ROLE_APPROVER,
     MAY_USE_OWN_SESSION | MAY_SEE_STATUS | MAY_SEE_INCIDENTS | MAY_PROPOSE | MAY_APPROVE},
    {"auditor", ROLE_AUDITOR,
     MAY_USE_OWN_SESSION | MAY_SEE_STATUS | MAY_SEE_INCIDENTS | MAY_SEE_SOURCES | MAY_SEE_RULES |
         MAY_SEE_METRICS | MAY_SEE_RECORD},
    {"administrator", ROLE_ADMINISTRATOR, ~0u},
    {"collector", ROLE_COLLECTOR, MAY_INGEST},
    {"vendor", ROLE_VENDOR, MAY_USE_OWN_SESSION | MAY_SEE_STATUS | MAY_SEE_INCIDENTS | MAY_PROPOSE},
};

static const struct {
    const char *name;
    unsigned permission;
} PERMISSIONS[] = {
    {"see_status", MAY_SEE_STATUS},
    {"search", MAY_SEARCH},
    {"see_incidents", MAY_SEE_INCIDENTS},
    {"work_incidents", MAY_WORK_INCIDENTS},
    {"see_sources", MAY_SEE_SOURCES},
    {"manage_sources", MAY_MANAGE_SOURCES},
    {"see_rules", MAY_SEE_RULES},
    {"manage_rules", MAY_MANAGE_RULES},
    {"ingest", MAY_INGEST},
    {"see_metrics", MAY_SEE_METRICS},
    {"see_persons", MAY_SEE_PERSONS},
    {"use_own_session", MAY_USE_OWN_SESSION},
    {"propose", MAY_PROPOSE},
    {"approve", MAY_APPROVE},
    {"see_record", MAY_SEE_RECORD},
    {"erase_record", MAY_ERASE_RECORD},
    {"manage_channels", MAY_MANAGE_CHANNELS},
};

unsigned roles_permissions(unsigned roles)
{
    unsigned permissions = 0;
    for (size_t i = 0; i < COUNT_OF(ROLES); i++)
        if (roles & ROLES[i].role)
            permissions |= ROLES[i].permissions;
    return permissions;
}

unsigned roles_find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(ROLES); i++)
        if (str_eq(name, str_c(ROLES[i].name)))
            return ROLES[i].role;
    return 0;
}

bool roles_parse(struct str list, unsigned *out)
{
    struct str part;
    *out = 0;
    while (str_split(&list, ';', &part)) {
        unsigned role = roles_find(str_trim(part));
        if (!role)
            return false;
        *out |= role;
    }
    return *out != 0;
}

void roles_format(unsigned roles, struct buf *out)
{
    bool first = true;
    for (size_t i = 0; i < COUNT_OF(ROLES); i++) {
        if (!(roles & ROLES[i].role))
            continue;
        if (!first)
            buf_char(out, ';');
        buf_c(out, ROLES[i].name);
        first = false;
    }
}

void roles_json(unsigned roles, struct buf *out)
{
    struct json_writer w = {.out = out};
    json_begin_array(&w);
    for (size_t i = 0; i < COUNT_OF(ROLES); i++)
        if (roles & ROLES[i].role)
            json_put_c(&w, ROLES[i].name);
    json_end_array(&w);
}

void roles_permissions_json(unsigned permissions, struct buf *out)
{
    struct json_writer w = {.out = out};
    json_begin_array(&w);
    for (size_t i = 0; i < COUNT_OF(PERMISSIONS); i++)
        if (permissions & PERMISSIONS[i].permission)
            json_put_c(&w, PERMISSIONS[i].name);
    json_end_array(&w);
}

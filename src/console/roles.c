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

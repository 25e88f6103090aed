/* Names of the relations that identities have. */
#include "event/identity.h"

struct str identity_relation_name(enum identity_relation r)
{
    static const struct str names[IDENTITY_RELATION_COUNT] = {[IDENTITY_DEVICE] = {"device", 6},
                                                              [IDENTITY_NAME] = {"name", 4},
                                                              [IDENTITY_TENANT] = {"tenant", 6},
                                                              [IDENTITY_SESSION] = {"session", 7}};
    return names[r];
}

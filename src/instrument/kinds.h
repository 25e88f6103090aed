/* Every instrument there is. A new one: its file, its line here and in kinds.c, its
 * content/instruments/NAME.yml.
 */
#ifndef INSTRUMENT_KINDS_H
#define INSTRUMENT_KINDS_H

#include "instrument/kind.h"

extern const struct instrument_kind alerts_kind;
extern const struct instrument_kind approach_kind;
extern const struct instrument_kind beacon_kind;
extern const struct instrument_kind blind_host_kind;
extern const struct instrument_kind conditions_kind;
extern const struct instrument_kind destination_kind;
extern const struct instrument_kind dga_kind;
extern const struct instrument_kind dns_tunnel_kind;
extern const struct instrument_kind egress_kind;
extern const struct instrument_kind exploit_kind;
extern const struct instrument_kind individuals_kind;
extern const struct instrument_kind inventory_kind;
extern const struct instrument_kind irc_kind;
extern const struct instrument_kind launch_kind;
extern const struct instrument_kind mail_relay_kind;
extern const struct instrument_kind mass_mail_kind;
extern const struct instrument_kind mx_kind;
extern const struct instrument_kind outbreak_kind;
extern const struct instrument_kind ransomware_kind;
extern const struct instrument_kind rare_port_kind;
extern const struct instrument_kind scan_kind;
extern const struct instrument_kind sensor_kind;
extern const struct instrument_kind skew_kind;
extern const struct instrument_kind upload_kind;
extern const struct instrument_kind watch_port_kind;

extern const struct instrument_kind *const instrument_kinds[];
extern const size_t instrument_kind_count;

#endif

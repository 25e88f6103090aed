/* What remains, by category, from measured inputs (spec 1.I). Pure: services_residual.c measures, this
 * calculates and writes. A category whose input is missing is unknown and says which. */
#ifndef RISK_RESIDUAL_REPORT_H
#define RISK_RESIDUAL_REPORT_H

#include "base/json.h"
#include "fleet/fleet.h"
#include "instrument/shrink.h"
#include "risk/residual.h"
#include "risk/risk_content.h"

#define MONTH_DAYS 30.0

enum residual_category {
    CATEGORY_KNOWN,         /* S70 */
    CATEGORY_MAIL,          /* S71 */
    CATEGORY_WEB,           /* S72 */
    CATEGORY_VULNERABILITY, /* S73 */
    CATEGORY_ZERO_DAY,      /* S74 */
    CATEGORY_TARGETED,      /* S75: no rate */
    CATEGORY_COUNT
};
const char *residual_category_name(enum residual_category c);
bool residual_category_find(struct str name, enum residual_category *out);

/* Rows of a measure with a key. */
struct measured {
    struct str key;
    double n;
};

struct residual_inputs {
    const struct risk_content *content;
    struct fleet_figures fleet;
    bool has_fleet;
    double totals[RISK_MEASURES]; /* Σ n over the window */
    uint32_t rows[RISK_MEASURES]; /* different keys */
    uint32_t careful, heavy_mail; /* who needs care with mail, each once; of these by volume alone */
    uint32_t people;              /* of the inventory; 0 = unknown */
    uint32_t scenarios;           /* of the register that stand */
    double new_names_share;       /* S2, of the last week; −1 unknown */
};

#define RESIDUAL_INPUTS_MAX 8
struct residual_row {
    enum residual_category category;
    bool is_known;
    struct estimate estimate;
    const char *missing; /* name of the input that is, when it is unknown */
    struct {
        const char *name;
        struct estimate value;
    } inputs[RESIDUAL_INPUTS_MAX];
    uint32_t input_count;
};

struct estimate residual_missed(const struct residual_inputs *in, bool *is_known);
struct estimate residual_coverage(const struct residual_inputs *in, bool *is_known); /* S30 ∧ S32 ∧ S34 */
void residual_calculate(const struct residual_inputs *in, enum residual_category c, struct residual_row *out);
void residual_write_row(const struct residual_row *row, struct json_writer *w);
void residual_write_estimate(struct json_writer *w, const char *key, struct estimate e);
void residual_write(const struct residual_inputs *in, struct json_writer *w);

#endif

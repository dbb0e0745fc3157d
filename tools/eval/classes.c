#include "tools/eval/classes.h"

#include <stdio.h>

json_t *classes_row(const struct class_result *r)
{
	json_t *row = json_object();
	char key[32];

	json_object_set_new(row, "class", json_string(r->of->name));
	json_object_set_new(row, "what", json_string(r->of->what));
	json_object_set_new(row, "is_coupled", json_boolean(r->of->is_coupled));
	json_object_set_new(row, "minutes", json_real(r->minutes));
	json_object_set_new(row, "pairs", json_integer((json_int_t)r->pairs));
	for (int k = 1; k <= 6; k++) {
		snprintf(key, sizeof(key), "false_E%d", k);
		json_object_set_new(row, key, json_real(roc_false(&r->roc[BY_EVIDENCE], k)));
	}
	for (int k = 1; k <= 4; k++) {
		snprintf(key, sizeof(key), "plain_E%d", k);
		json_object_set_new(row, key, json_real(roc_false(&r->plain, k)));
	}
	for (size_t m = 0; m < METHODS; m++) {
		snprintf(key, sizeof(key), "%s_0.8", compare_name(m));
		json_object_set_new(row, key, json_real(roc_false(&r->roc[m], 0.8)));
	}
	return row;
}

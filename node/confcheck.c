#include "node/confcheck.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_LEN 4096

/* The next part of a dotted key, and its length. */
static const char *next_part(const char *part, size_t *len)
{
	part += *len + (part[*len] == '.');
	*len = strcspn(part, ".");
	return part;
}

/* Is it "part: ...", indented by more than `indent`? */
static bool is_part(const char *line, const char *part, size_t len, int indent, int *ret_indent)
{
	size_t spaces = strspn(line, " ");

	*ret_indent = (int)spaces;
	return (int)spaces > indent && strncmp(line + spaces, part, len) == 0 &&
	       line[spaces + len] == ':';
}

unsigned confcheck_line(const char *path, const char *key)
{
	char line[LINE_MAX_LEN];
	FILE *in = fopen(path, "re");
	unsigned number = 0, found = 0;
	size_t len = strcspn(key, ".");
	const char *part = key;
	int indent = -1;

	while (in != NULL && len > 0 && fgets(line, sizeof(line), in) != NULL) {
		int at;

		number++;
		if (is_part(line, part, len, indent, &at) && (found != 0 || at == 0)) {
			found = number;
			indent = at;
			part = next_part(part, &len);
		} else if (found != 0 && line[at] != '#' && line[at] != '\n' && line[at] != '-' &&
		           at <= indent) {
			break; /* another section */
		}
	}
	if (in != NULL)
		fclose(in);
	return found;
}

void confcheck_tell_line(const char *path, char *reason, size_t room)
{
	char key[64];
	unsigned line;

	if (strstr(reason, "(line") != NULL || sscanf(reason, "%63[a-z0-9_.]:", key) != 1)
		return;
	line = confcheck_line(path, key);
	if (line != 0)
		snprintf(reason + strlen(reason), room - strlen(reason), " (line: %u)", line);
}

const struct endpoint *confcheck_repeated(const struct endpoint *rows, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (endpoint_equal(&rows[i], &rows[j]))
				return &rows[i];
		}
	}
	return NULL;
}

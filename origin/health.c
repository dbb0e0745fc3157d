#include "origin/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_ROOM 512

bool health_line(const char *root, const char *path, char *room, size_t size)
{
	char full[PATH_ROOM], line[256];
	FILE *file;
	char *read;

	if (snprintf(full, sizeof(full), "%s%s", root, path) >= (int)sizeof(full))
		return false;
	file = fopen(full, "re");
	if (file == NULL)
		return false;
	read = fgets(line, sizeof(line), file);
	fclose(file);
	if (read == NULL)
		return false;
	line[strcspn(line, "\n")] = '\0';
	if (strlen(line) >= size)
		return false;
	strcpy(room, line);
	return true;
}

/* "none [integrity] confidentiality": the word in brackets. */
static void lockdown_of(const char *line, char *room, size_t size)
{
	const char *open = strchr(line, '[');
	const char *close = open != NULL ? strchr(open, ']') : NULL;

	if (close != NULL && (size_t)(close - open) <= size)
		snprintf(room, size, "%.*s", (int)(close - open - 1), open + 1);
}

void health_read(const char *root, struct provider_health *ret)
{
	char line[128];

	if (health_line(root, "/proc/sys/kernel/osrelease", line, sizeof(ret->kernel)))
		strcpy(ret->kernel, line);
	if (health_line(root, "/proc/sys/kernel/random/boot_id", line, sizeof(ret->boot_id)))
		strcpy(ret->boot_id, line);
	if (health_line(root, "/sys/kernel/security/lockdown", line, sizeof(line)))
		lockdown_of(line, ret->lockdown, sizeof(ret->lockdown));
	if (health_line(root, "/proc/sys/kernel/tainted", line, sizeof(line)))
		ret->taint = strtoull(line, NULL, 10);
	if (health_line(root, "/proc/sys/kernel/ftrace_enabled", line, sizeof(line)))
		ret->is_ftrace_off = strcmp(line, "0") == 0;
}

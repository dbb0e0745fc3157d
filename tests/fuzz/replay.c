/*
 * replay - runs a fuzz target over a stored corpus, with any compiler and no fuzzing engine.
 *
 *   replay_NAME DIR     every file of DIR, in name order, then one line that counts them
 *
 * An empty or missing corpus is a failure: it would test nothing.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *slurp(const char *dir, const char *name, size_t *ret_len)
{
	char path[4096];
	uint8_t *data = NULL;
	long len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (len = ftell(f)) < 0) {
		perror(path);
		exit(1);
	}
	rewind(f);
	data = malloc((size_t)len + 1);
	if (data == NULL || fread(data, 1, (size_t)len, f) != (size_t)len) {
		perror(path);
		exit(1);
	}
	fclose(f);
	*ret_len = (size_t)len;
	return data;
}

int main(int argc, char **argv)
{
	struct dirent **names;
	int count = argc == 2 ? scandir(argv[1], &names, NULL, alphasort) : -1;
	int replayed = 0;

	for (int i = 0; i < count; i++) {
		if (names[i]->d_name[0] != '.') {
			size_t len;
			uint8_t *data = slurp(argv[1], names[i]->d_name, &len);

			LLVMFuzzerTestOneInput(data, len);
			free(data);
			replayed++;
		}
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	printf("replayed %d inputs\n", replayed);
	return replayed > 0 ? 0 : 1;
}

// Feeds each file named on the command line to a libFuzzer entry point: how gcc builds, which have
// no libFuzzer, replay the corpora.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        if (!f) {
            perror(argv[i]);
            return 1;
        }
        size_t cap = 1 << 20;
        uint8_t *data = malloc(cap);
        size_t len = data ? fread(data, 1, cap, f) : 0;
        fclose(f);
        LLVMFuzzerTestOneInput(data, len);
        free(data);
    }
    printf("%d inputs\n", argc - 1);
    return argc > 1 ? 0 : 1;
}

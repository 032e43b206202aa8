#include "greet.h"

int main(void) {
    greet("graph");
    return 0;
}

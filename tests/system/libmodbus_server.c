/* A device of someone else's make: libmodbus serves four tables over Modbus TCP or RTU.
 *
 *   libmodbus_server tcp PORT         on 127.0.0.1; 0 takes a free port, which is printed on the first line
 *   libmodbus_server rtu DEVICE       8N1 at 19200 baud; "ready" is printed on the first line
 *
 * What lies in the tables is in modbus_peers.py. Numbers are laid out here: the float functions of libmodbus 3.1.6
 * swap the bytes on a little-endian machine, and PLCs don't.
 * Input register 40 counts the requests that were answered. Three places in the holding registers are peculiar:
 * 30 takes no value above 1000, whatever was written; 31 is confirmed and keeps what it had; a read or a write at
 * 200 + n is answered with exception n.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <modbus/modbus.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { UNIT = 1, BITS = 48, WORDS = 240, REQUESTS = 40, MOST = 30, STUBBORN = 31, EXCEPTIONS = 200 };

static modbus_mapping_t *tables;

static void long_at(int address, uint32_t value, int little)
{
    tables->tab_input_registers[address + little] = (uint16_t)(value >> 16);
    tables->tab_input_registers[address + 1 - little] = (uint16_t)value;
}

static void float_at(int address, float value, int little)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    long_at(address, bits, little);
}

static void fill(void)
{
    uint16_t *input = tables->tab_input_registers;
    input[0] = 52000;
    input[1] = (uint16_t)-12345;
    float_at(2, 998.2071f, 0);
    float_at(4, -40.125f, 1);
    long_at(6, 3735928559u, 0);
    long_at(8, (uint32_t)-123456789, 1);
    input[20] = 7;
    tables->tab_registers[STUBBORN] = 17;
    for (int at = 0; at < BITS; at++) {
        tables->tab_bits[at] = at % 3 == 0;
        tables->tab_input_bits[at] = at % 5 == 0;
    }
}

/* The exception that a request for holding registers meets, 0 for none. */
static int exception_of(int function, int address, int count)
{
    if (function != MODBUS_FC_READ_HOLDING_REGISTERS && function != MODBUS_FC_WRITE_MULTIPLE_REGISTERS)
        return 0;
    return count == 1 && address > EXCEPTIONS && address < WORDS ? address - EXCEPTIONS : 0;
}

static void answer(modbus_t *line, const uint8_t *request, int length)
{
    int header = modbus_get_header_length(line);
    int function = request[header];
    int address = request[header + 1] << 8 | request[header + 2];
    int count = request[header + 3] << 8 | request[header + 4];
    int exception = exception_of(function, address, count);
    uint16_t *holding = tables->tab_registers;
    uint16_t stubborn = holding[STUBBORN];

    tables->tab_input_registers[REQUESTS]++;
    if (exception) {
        modbus_reply_exception(line, request, (unsigned)exception);
        return;
    }
    modbus_reply(line, request, length, tables);
    if (holding[MOST] > 1000)
        holding[MOST] = 1000;
    holding[STUBBORN] = stubborn;
}

static void serve_tcp(modbus_t *line)
{
    struct sockaddr_in where;
    socklen_t size = sizeof where;
    uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
    fd_set known, ready;
    int listening = modbus_tcp_listen(line, 4);

    if (listening < 0 || getsockname(listening, (struct sockaddr *)&where, &size) < 0) {
        fprintf(stderr, "cannot listen: %s\n", modbus_strerror(errno));
        exit(1);
    }
    printf("%d\n", ntohs(where.sin_port));
    fflush(stdout);
    FD_ZERO(&known);
    FD_SET(listening, &known);
    for (int highest = listening;;) {
        ready = known;
        if (select(highest + 1, &ready, NULL, NULL, NULL) < 0)
            exit(1);
        for (int from = 0; from <= highest; from++) {
            if (!FD_ISSET(from, &ready))
                continue;
            if (from == listening) {
                int client = modbus_tcp_accept(line, &listening);
                if (client < 0)
                    continue;
                FD_SET(client, &known);
                highest = client > highest ? client : highest;
                continue;
            }
            modbus_set_socket(line, from);
            int length = modbus_receive(line, request);
            if (length > 0) {
                answer(line, request, length);
            } else if (length < 0) {
                close(from);
                FD_CLR(from, &known);
            }
        }
    }
}

static void serve_rtu(modbus_t *line)
{
    uint8_t request[MODBUS_RTU_MAX_ADU_LENGTH];

    if (modbus_set_slave(line, UNIT) < 0 || modbus_connect(line) < 0) {
        fprintf(stderr, "cannot open: %s\n", modbus_strerror(errno));
        exit(1);
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        int length = modbus_receive(line, request);
        if (length > 0)
            answer(line, request, length);
        else if (length < 0 && errno != EMBBADCRC && errno != EMBBADDATA && errno != ETIMEDOUT)
            exit(1);
        else if (length < 0)
            modbus_flush(line);
    }
}

int main(int count, char **words)
{
    int tcp = count == 3 && strcmp(words[1], "tcp") == 0;

    if (!tcp && !(count == 3 && strcmp(words[1], "rtu") == 0)) {
        fprintf(stderr, "usage: %s tcp PORT | rtu DEVICE\n", words[0]);
        return 2;
    }
    tables = modbus_mapping_new(BITS, BITS, WORDS, WORDS);
    modbus_t *line = tcp ? modbus_new_tcp("127.0.0.1", atoi(words[2]))
                         : modbus_new_rtu(words[2], 19200, 'N', 8, 1);
    if (tables == NULL || line == NULL) {
        fprintf(stderr, "cannot begin: %s\n", modbus_strerror(errno));
        return 1;
    }
    fill();
    if (tcp)
        serve_tcp(line);
    serve_rtu(line);
    return 0;
}

/* A descriptor table whose end wraps around the end of the address space */
#include "lib.h"
const u32 boot_2m=0, boot_leaf=3;
void pf_c(u64 cr2,u64 err,u64*fr){ npf++; die(0x41); }
static void lidt(u64 base,u16 limit){ struct __attribute__((packed)){u16 l;u64 b;} d={limit,base}; __asm__ volatile("lidt %0"::"m"(d)); }
static void lgdt(u64 base,u16 limit){ struct __attribute__((packed)){u16 l;u64 b;} d={limit,base}; __asm__ volatile("lgdt %0"::"m"(d)); }
void main(void){
  CK(1);
  lidt(0xfffffffffffff000ull,0xfff); mix(rd8(0x1000000));
  lidt(0xffffffffffffffffull,0xffff); mix(rd8(0x1001000));
  lidt(0,0); mix(rd8(0x1002000));
  idt_init();
  CK(2);
  put_hex(sum);
}

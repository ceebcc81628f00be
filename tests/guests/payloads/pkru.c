/* PKRU changes by XRSTOR, as on every sigreturn of Linux: from the operand, and to zero where the operand has none */
#include "lib.h"
const u32 boot_2m=0, boot_leaf=7;
#define PAGE 0x1800000ull
static u8 area[4096] __attribute__((aligned(64)));
static u32 bad;
static inline void wrpkru(u32 v){ __asm__ volatile("wrpkru"::"a"(v),"c"(0),"d"(0):"memory"); }
static inline u32 rdpkru(void){ u32 v,d; __asm__ volatile("rdpkru":"=a"(v),"=d"(d):"c"(0)); return v; }
static inline void xsave(u32 m){ __asm__ volatile("xsave (%0)"::"r"(area),"a"(m),"d"(0):"memory"); }
static inline void xrstor(u32 m){ __asm__ volatile("xrstor (%0)"::"r"(area),"a"(m),"d"(0):"memory"); }
void pf_c(u64 cr2,u64 err,u64*fr){ npf++; mix((u32)cr2); mix((u32)err); if(cr2<PAGE||cr2>=PAGE+4096||err!=0x23&&err!=0x21) die(0x41); wrpkru(0); }
void main(void){
  idt_init();
  set_cr4(get_cr4()|(1<<22)|(1<<18)|(1<<9));                 /* PKE, OSXSAVE, OSFXSR */
  __asm__ volatile("xsetbv"::"c"(0),"a"(0x203),"d"(0));
  wr64(PTE(PAGE),rd64(PTE(PAGE))|1ull<<59); invlpg(PAGE);    /* key 1 */
  CK(1);
  for(u32 i=0;i<20;i++){
    wr8(PAGE+i,i);
    wrpkru(8); xsave(0x203); wrpkru(0);                       /* the operand holds: key 1 write-disabled */
    wr8(PAGE+i,i);
    xrstor(i&1?0x203:0x200);
    if(rdpkru()!=8) bad++;
    mix(rd8(PAGE+i));
    wr8(PAGE+i,i+1);                                          /* #PF, whose handler clears PKRU */
    if(i%5==4){                                               /* the operand says that PKRU is in its initial state */
      wrpkru(4); *(volatile u64*)(area+512)&=~0x200ull; xrstor(0x200);
      if(rdpkru()) bad++;
      mix(rd8(PAGE+i));
      wrpkru(4); xrstor(3);                                   /* not asked for: it stays */
      if(rdpkru()!=4) bad++;
      mix(rd8(PAGE+i));
    }
  }
  CK(2);
  put_hex(npf); put_hex(bad); put_hex(sum);
}

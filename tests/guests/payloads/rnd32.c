/* random 32-bit two-level guest with PSE */
#include "lib.h"
#ifndef NOPS
#define NOPS 2000
#endif
#ifndef SEED
#define SEED 1
#endif
static u32 seed=SEED, cur, loops;
static u32 rnd(void){ seed=seed*1103515245u+12345u; return seed>>8; }
static u32 root[3]={0x200000,0x240000,0x241000};
static u32 pde_a(u32 va){ return root[cur]+(va>>22)*4; }
static u32 home(u32 va){ return 0x201000u+((va&0x3ffffff)>>22)*0x1000; }
static u32 pte_a(u32 va){ u32 d=rd32(pde_a(va)); return (d&1&&!(d&0x80)?d&~0xfffu:home(va))+((va>>12)&1023)*4; }
static inline void wr16(ux a,u16 v){ __asm__ volatile("movw %0,(%1)"::"r"(v),"r"(a):"memory"); }
void pf_c(u32 cr2,u32 err){
  u32 va=cr2&~0xfffu; npf++; mix(cr2); mix(err); if(++loops>20000) die(0x42);
  u32 l=va&0x3fffffff; if(l<0x1000000||l>=0x2000000) die(0x43);
  u32 d=rd32(pde_a(va)); if(!(d&1)||((d&0x80)&&(d&0x3fe000))){ wr32(pde_a(va),home(va)|7); invlpg(va); return; }
  if(!(d&2)){ wr32(pde_a(va),d|2); invlpg(va); return; }
  if(d&0x80) die(0x44);
  u32 p=pte_a(va), e=rd32(p); if(!(e&1)||(err&8)) e=(va&0x3ffffff)|3; else e|=2; wr32(p,e); invlpg(va);
}
static void zero(u32 a){ for(u32 i=0;i<4096;i+=4) wr32(a+i,0); }
static u32 hot(void){ u32 r=rnd(); return (r&0x80000?0xC0000000u:0)+0x1000000+((r&3)<<22)+(((r>>3)&31)<<12)+((r&0x40000)?0x200000:0); }
void main(void){
  idt_init();
  for(u32 t=0;t<3;t++){ zero(root[t]); for(u32 i=0;i<16;i++){ wr32(root[t]+i*4,0x201003+i*0x1000); wr32(root[t]+(768+i)*4,0x201003+i*0x1000); } }
  for(u32 i=0;i<16*1024;i++) wr32(0x201000+i*4,i*0x1000+3);
  for(u32 i=4;i<6;i++) wr32(root[2]+i*4,0x260003+(i-4)*0x1000);
  for(u32 i=0;i<2*1024;i++) wr32(0x260000+i*4,0x2000003+i*0x1000);
  CK(1);
  set_cr4(get_cr4()|0x10); set_cr3(0x200000); set_cr0(get_cr0()|0x80010000);
  for(u32 n=0;n<NOPS;n++){
    u32 va=hot(), op=rnd()%26, p=pte_a(va), d=rd32(pde_a(va)); int huge=(d&0x81)==0x81;
    if(op<7) wr8(va+(n&0xfff),(u8)n);
    else if(op<11) mix(rd8(va+(rnd()&0xfff)));
    else if(op<12){ wr32(p,0); invlpg(va); }
    else if(op<13){ wr32(p,rd32(p)^2); invlpg(va); }
    else if(op<14){ wr32(p,((hot()&0x1ffffff)+((rnd()&1)<<24))|3); invlpg(va); }
    else if(op<16){ cur=rnd()%3; set_cr3(root[cur]); }
    else if(op<17){ u32 a=pde_a(va); if(huge) wr32(a,home(va)|3); else wr32(a,(va&0x3c00000)|0x83); set_cr3(get_cr3()); }
    else if(op<18){ set_cr0(get_cr0()^0x10000); wr8(va,1); }
    else if(op<19){ set_cr4(get_cr4()^0x80); mix(rd8(va)); }
    else if(op<20){ wr8(p,(u8)(rd8(p)&~0x60)); invlpg(va); }
    else if(op<21){ if((p&0xfff)<0xffc){ u32 x=rd32(p+2); wr32(p+2,x); set_cr3(get_cr3()); } }
    else if(op<22){ wr32(p,0xFE000003+(rnd()&3)*0x1000); invlpg(va); if(!huge){ wr32(va+16,n); (void)rd32(va+32);} wr32(p,(va&0x3ffffff)|3); invlpg(va); }
    else if(op<23){ wr32(pde_a(va),0); invlpg(va); (void)rd8(va); }
    else if(op<24){ set_cr0(get_cr0()&~0x80000000u); wr8(va&0x3ffffff,9); set_cr0(get_cr0()|0x80000000u); mix(rd8(va)); }
    else if(op<25){ u32 q=p&~0x7fu; for(u32 i=0;i<16;i++) wr32(q+i*4,rd32(q+i*4)&~0x60u); set_cr3(get_cr3()); }
    else if(op<26){ u32 a=pde_a(va)&~7u; wr16(a+2,(u16)(rd32(a)>>16)); set_cr3(get_cr3()); }
    if(n%500==499) CK((u8)(2+n/500));
  }
  CK(50);
  put_hex(npf); put_hex(sum);
}
